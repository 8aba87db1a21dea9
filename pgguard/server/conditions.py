"""Whether views and row policies of mandates hold the mandates' conditions, constants and all.

A snapshot hides constants, for they may be personal. Here the texts are read anew and compared in memory with
the policy's; only yes or no is kept.
"""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING

import psycopg

from pgguard.analysis.expression import Unparsable
from pgguard.analysis.mandated import own_view, tables
from pgguard.analysis.mandated_rows import is_same, view_is_same, wanted
from pgguard.errors import PgguardError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[str, ...]]


def read_conditions(target: Target, snapshot: Snapshot, policy: Policy) -> Mapping[tuple[str, int], bool]:
    """For each view of a mandate and row policy of a mandated table, whether its condition is the mandate's.

    Keys are the database and the oid of the view or policy. What cannot be read is left out.
    """
    found: dict[tuple[str, int], bool] = {}
    for database in snapshot.inspected if policy.mandate else ():
        if not _is_asked(snapshot, database, policy):
            continue
        try:
            with closing(target.connect(database.name)) as connection:
                found |= conditions_of(connection, snapshot, database, policy)
        except (PgguardError, psycopg.Error):
            # the checks say what they do not know
            continue
    return found


def conditions_of(
    connection: Connection, snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy
) -> Mapping[tuple[str, int], bool]:
    """The same of one database, over its connection; a transaction that is open there is kept."""
    found: dict[tuple[str, int], bool] = {}
    with connection.transaction():
        connection.execute(_sql("limits"))
        for oid, same in _compared(connection, database, policy):
            if same is not None:
                found[database.name, oid] = same
    return found


def _is_asked(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> bool:
    missing = {"relations", "columns", "row_policies"} & set(database.missing())
    open_now = [one for one in policy.mandate if snapshot.role(one.role) is not None]
    return not missing and any(tables(database, policy, one) for one in open_now)


def _compared(
    connection: Connection, database: DatabaseSnapshot, policy: Policy
) -> Iterator[tuple[int, bool | None]]:
    for mandate in policy.mandate:
        for taken in tables(database, policy, mandate):
            if not taken.entry.rows:
                continue
            try:
                form = wanted(taken.entry.rows)
            except Unparsable:
                continue
            for view in database.relations:
                if own_view(mandate, taken, view) and (text := _text(connection, "view", view.oid)):
                    yield view.oid, view_is_same(text, taken.relation, form, masked=False)
            for one in database.row_policies:
                if one.relation == taken.relation.oid and (text := _text(connection, "policy", one.oid)):
                    yield one.oid, is_same(text, form, masked=False)


def _text(connection: Connection, name: str, oid: int) -> str:
    row = psycopg.RawCursor(connection).execute(_sql(name), [oid]).fetchone()
    return str(row[0] or "") if row else ""


def _sql(name: str) -> bytes:
    return resources.files("pgguard").joinpath("sql", "conditions", f"{name}.sql").read_bytes()
