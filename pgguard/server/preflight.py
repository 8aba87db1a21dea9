"""What can be known to fail is found before anything is changed: rights, and the ledger itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from pgguard.analysis.required import Need, required
from pgguard.errors import ApplyStopped
from pgguard.model.quote import ident
from pgguard.plan.script import trees
from pgguard.server import ledger
from pgguard.server.queries import variants

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.plan.standing import Action, Standing
    from pgguard.server.applying import Sessions

    Connection = psycopg.Connection[tuple[str, ...]]

_SHOWN = 20
_TOLD = {
    "superuser": "a superuser",
    "createrole": "CREATEROLE",
    "parameter": "ALTER SYSTEM on the parameter {}",
    "call": "EXECUTE on {}",
    "role": "the right to alter the role {} (CREATEROLE, and from 16 on ADMIN OPTION on it)",
    "admin": "ADMIN OPTION on the role {}",
    "member": "membership in the role {}",
    "table": "ownership of {}",
    "function": "ownership of {}",
    "schema": "ownership of schema {}",
    "database": "ownership of database {}",
    "grant table": "ownership of {}, or a grant option on it",
    "grant function": "ownership of {}, or a grant option on it",
    "grant schema": "ownership of schema {}, or a grant option on it",
    "grant database": "ownership of database {}, or a grant option on it",
}
_ROLES = frozenset({"role", "admin", "member", "database", "grant database"})


def check(sessions: Sessions, chosen: Sequence[Standing], action: Action) -> None:
    """Look for missing rights in every database that the files are for.

    Raises `ApplyStopped` with all that is missing; nothing was changed then.
    """
    kind = "up" if action == "apply" else "down"
    by_database: dict[str, list[Standing]] = {}
    for one in chosen:
        by_database.setdefault(one.entry.database, []).append(one)
    wrong: list[str] = []
    for database, standings in by_database.items():
        connection = sessions.within(database)
        user, name = connection.info.user, sessions.database(database)
        if unkept := ledger.lacking(connection):
            wrong.append(unkept)
        if connection.info.parameter_status("is_superuser") == "on":
            continue
        needs: dict[Need, str] = {}
        for one in standings:
            for need in required(trees(sessions.folder.text(one.entry, kind))):
                needs.setdefault(need, one.entry.name)
        lacks = set(_lacking(connection, tuple(needs)))
        wrong += [
            f"{first} needs {_told(need)}, which {ident(user)} has not in {ident(name)}"
            for need, first in needs.items()
            if need in lacks
        ]
    if wrong:
        more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        told = "\n  ".join([*wrong[:_SHOWN], *more])
        msg = f"rights are missing; nothing was changed:\n  {told}"
        raise ApplyStopped(msg)


def _lacking(connection: Connection, needs: Sequence[Need]) -> Iterator[Need]:
    plain = [one for one in needs if one.kind != "parameter"]
    columns = ([one[at] for one in plain] for at in range(3))
    yield from (Need(*row) for row in ledger.rows(connection, "lacking", *columns))
    parameters = [one.name for one in needs if one.kind == "parameter"]
    if parameters:
        texts = variants("apply", "parameters")
        major = connection.info.server_version // 10000
        text = texts[max(since for since in texts if since <= major)]
        for (name,) in psycopg.RawCursor(connection).execute(text, (parameters,)).fetchall():
            yield Need("parameter", str(name))


def _told(need: Need) -> str:
    return _TOLD[need.kind].format(ident(need.name) if need.kind in _ROLES else need.name)
