"""Dropping the staging tables of a mandate, all in one transaction, and what the server keeps after it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from pgguard.errors import ApplyStopped, ConnectError, UsageError
from pgguard.model.extraction import Dropped
from pgguard.model.mandate_names import schema_of
from pgguard.model.quote import ident, qualified
from pgguard.server.extract import written_names
from pgguard.server.mandate_state import read_standing
from pgguard.server.queries import variants
from pgguard.server.refusal import refusal
from pgguard.server.residue.elsewhere import elsewhere
from pgguard.server.residue.queries import rows as residue_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.model.mandate import Mandate, MandateTable
    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[Any, ...]]

_KINDS = {"r": "table", "p": "partitioned table"}


class Staging(NamedTuple):
    """A staging table that is there."""

    name: str
    oid: str


def look(target: Target, mandate: Mandate, tables: Sequence[MandateTable]) -> tuple[Staging, ...]:
    """The staging tables that are there. Changes nothing.

    Raises `ConnectError`, and `UsageError` with every reason not to erase: the mandate is open, or what it
    names as staging is no table of its own.
    """
    standing = read_standing(target, mandate.database, mandate)
    reasons = []
    if standing.role or standing.schema:
        what = f"role {ident(mandate.role)}" if standing.role else f"schema {ident(schema_of(mandate.name))}"
        reasons.append(f"{what} is still there: pgguard mandate close {mandate.name} first")
    with closing(target.connect(mandate.database)) as connection:
        try:
            found, wrong = _staging(connection, mandate, {one.table for one in tables})
        except psycopg.Error as error:
            msg = f"mandate {mandate.name}: the staging tables cannot be looked at: {refusal(error)}"
            raise ConnectError(msg) from None
    if reasons := [*reasons, *wrong]:
        raise UsageError("\n".join(f"mandate {mandate.name}: {one}" for one in reasons))
    return found


def drop(
    target: Target, mandate: Mandate, staging: Sequence[Staging], keep: Callable[[Dropped], None]
) -> tuple[Dropped, ...]:
    """Drop the tables, all or none; `keep` gets what each held before it goes.

    Raises `ConnectError`, and `ApplyStopped` when one cannot be dropped, with what depends on it: nothing is
    dropped then, and never with CASCADE.
    """
    if not staging:
        return ()
    with closing(target.connect(mandate.database)) as connection:
        connection.read_only = False
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        try:
            return _dropped(connection, staging, keep)
        except psycopg.errors.DependentObjectsStillExist:
            connection.rollback()
            on = "; ".join(_dependents(connection, staging)) or "the server's log says what"
            msg = f"mandate {mandate.name}: nothing was dropped, for other objects depend on it: {on}"
            raise ApplyStopped(msg) from None
        except psycopg.Error as error:
            connection.close()
            msg = f"mandate {mandate.name}: no staging table was dropped: {refusal(error)}"
            raise ApplyStopped(msg) from None


_STATISTICS = (
    "pg_statistic",
    "what ANALYZE kept of the dropped tables was deleted with them, and its bytes stay in the pages of "
    "pg_statistic until they are written over: VACUUM FULL pg_catalog.pg_statistic does that at once",
)


def kept_by_server(
    target: Target, mandate: Mandate, dropped: Sequence[Dropped]
) -> tuple[tuple[str, str], ...]:
    """What of dropped rows the server and those behind it may still have, each with until when.

    Raises `ConnectError`.
    """
    with closing(target.connect(mandate.database)) as connection:
        try:
            settings = {str(row[0]): str(row[1]) for row in residue_rows(connection, "settings")}
            standby = connection.execute(b"SELECT pg_catalog.pg_is_in_recovery()").fetchone()
            said = elsewhere(connection, settings, (), in_recovery=bool(standby and standby[0]))
            kept = tuple((one.what, one.until) for one in said)
            return (*kept, _STATISTICS) if dropped else kept
        except psycopg.Error as error:
            msg = f"what the server still holds cannot be told: {refusal(error)}"
            raise ConnectError(msg) from None


def _staging(
    connection: Connection, mandate: Mandate, sources: set[str]
) -> tuple[tuple[Staging, ...], list[str]]:
    relations = _all(connection, "relations", "")
    known = {
        name: (qualified(row[1], row[2]), row[0], row[3])
        for row in relations
        for name in written_names(row[1], row[2])
    }
    found, wrong = [], []
    for name in mandate.staging:
        if name not in known:
            continue
        written, oid, kind = known[name]
        kin = {one for row in _all(connection, "kin", oid) for one in written_names(*row)}
        if kind not in _KINDS:
            wrong.append(f"staging {name} is a foreign table: what it shows lies elsewhere")
        elif {name, written} & sources or kin & sources:
            wrong.append(
                f"staging {name} is, or belongs to, a table that the mandate reads: it is not dropped"
            )
        else:
            found.append(Staging(written, oid))
    return tuple(found), wrong


def _dropped(
    connection: Connection, staging: Sequence[Staging], keep: Callable[[Dropped], None]
) -> tuple[Dropped, ...]:
    connection.execute(b"SET LOCAL lock_timeout = '10s'")
    connection.execute(b"SET LOCAL row_security = off")
    dropped = []
    for one in staging:
        connection.execute(f"LOCK TABLE {one.name} IN ACCESS EXCLUSIVE MODE".encode())
        count = f"SELECT count(*) FROM {one.name}"  # noqa: S608 - a name as the catalog has it, quoted
        ((rows,),) = connection.execute(count.encode())
        ((paths, size),) = _all(connection, "storage", one.oid)
        dropped.append(Dropped(one.name, rows, size, paths))
        keep(dropped[-1])
    names = ", ".join(one.name for one in staging)
    connection.execute(f"DROP TABLE {names}".encode())
    connection.commit()
    return tuple(dropped)


def _dependents(connection: Connection, staging: Sequence[Staging]) -> Iterator[str]:
    oids = [one.oid for one in staging]
    for one in staging:
        if names := [row[0] for row in _all(connection, "dependents", one.oid, oids)]:
            yield f"on {one.name}: {', '.join(names)}"


def _all(connection: Connection, name: str, *values: object) -> list[tuple[Any, ...]]:
    return psycopg.RawCursor(connection).execute(variants("extract", name)[0], values).fetchall()
