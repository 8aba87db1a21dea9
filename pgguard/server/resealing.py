"""After a rotation: what older keys sealed is sealed again with the current one, while work goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.errors import InputError
from pgguard.model.encryption_names import function
from pgguard.server import keys_session
from pgguard.server.applying import beside
from pgguard.server.backfill import Task, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.server.backfill import Standing, Throttle
    from pgguard.server.connect import Target
    from pgguard.store.kek_provider import Kek


def reseal(
    target: Target,
    kek: Kek,
    throttle: Throttle,
    *,
    say: Callable[[str], None],
    progress: Callable[[Standing], None] = lambda _: None,
) -> dict[str, int]:
    """Seal everything that an older key sealed again; how many rows of each table were changed.

    It can be broken off and goes on where it stopped. Raises `UsageError`, `InputError`, `ConnectError`,
    `ApplyStopped` and `psycopg.Error`.
    """
    with keys_session.session(target, say=say) as (connection, place):
        keys_session.require(place)
        tables = keys_session.rows(connection, "encrypted_tables")
    if not tables:
        msg = "no column of this database is encrypted"
        raise InputError(msg)
    done: dict[str, int] = {}
    for schema, name, relation, parts in tables:
        # a table that is not partitioned has no tree
        task = Task(str(relation), function("reseal", schema, name), tuple(parts or [relation]))
        done[str(relation)] = run(lambda: beside(target, kek, say=say), task, throttle, progress=progress)
    return done
