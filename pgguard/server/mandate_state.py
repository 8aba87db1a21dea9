"""What a server has of a mandate now: its role and schema, and how many rows its conditions find."""

from __future__ import annotations

from contextlib import closing
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import psycopg

from pgguard.errors import ApplyStopped
from pgguard.model.mandate_names import schema_of
from pgguard.model.mandate_scope import Count, Standing, mark
from pgguard.model.quote import ident, literal
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.model.mandate import Mandate
    from pgguard.model.mandate_scope import Scope
    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[Any, ...]]

# nobody else's functions and operators are found, and nothing is hidden without an error
_QUIET = (
    "SET LOCAL search_path = pg_catalog",
    "SET LOCAL row_security = off",
    "SET LOCAL TimeZone = 'UTC'",
)


def read_standing(target: Target, database: str, mandate: Mandate, others: Sequence[str] = ()) -> Standing:
    """What the database has of the mandate already; `others` are databases that are looked at for doors.

    Raises `ConnectError`, and `ApplyStopped` when the catalog cannot be read.
    """
    with closing(target.connect(database)) as connection:
        quiet(connection)
        (row,) = rows(connection, "standing", (mandate.role, schema_of(mandate.name), mark(mandate.name)))
    several: list[tuple[str, str, str]] = []
    for name in others:
        with closing(target.connect(name)) as connection:
            quiet(connection)
            several += [(name, str(place), str(table)) for place, table in rows(connection, "several")]
    role, own_role, schema, own_schema = map(bool, row)
    return Standing(role, own_role, schema, own_schema, frozenset(several))


def count_rows(target: Target, scope: Scope, *, timeout_seconds: int = 0) -> tuple[Count, ...]:
    """How many rows the mandate's conditions find, all tables in one snapshot; 0 seconds: no time limit.

    Raises `ConnectError`, and `ApplyStopped` when a table cannot be counted: as for roles that may not read
    it whole.
    """
    with closing(target.connect(scope.database)) as connection:
        quiet(connection, timeout_seconds)
        return tuple(count_in(connection, scope))


def count_in(connection: Connection, scope: Scope) -> list[Count]:
    """The same in an open transaction."""
    found = []
    for table in scope.tables:
        where = f" WHERE {table.rows}" if table.rows else ""
        # where the mandate switched it on, its companion shows everybody everything, the owner too
        row_security = "on" if table.encloses else "off"
        try:
            connection.execute(f"SET LOCAL row_security = {literal(row_security)}".encode())
            row = connection.execute(
                f"SELECT pg_catalog.count(*) FROM {table.table}{where}".encode()  # noqa: S608 - written anew
            ).fetchone()
        except psycopg.Error as error:
            msg = f"the rows of {table.table} cannot be counted: {refusal(error)}"
            raise ApplyStopped(msg) from None
        found.append(Count(table.table, int(row[0]) if row else 0, table.ceiling))
    return found


def quiet(connection: Connection, timeout_seconds: int = 0) -> None:
    """Begin the transaction of a look."""
    for statement in (*_QUIET, f"SET LOCAL statement_timeout = {int(timeout_seconds) * 1000}"):
        connection.execute(statement.encode())


def rows(connection: Connection, name: str, parameters: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    """The rows of a query of sql/mandate.

    Raises `ApplyStopped` when it is refused.
    """
    try:
        return psycopg.RawCursor(connection).execute(_sql(name), parameters).fetchall()
    except psycopg.Error as error:
        msg = f"database {ident(connection.info.dbname)} cannot be looked at: {refusal(error)}"
        raise ApplyStopped(msg) from None


def become(connection: Connection, role: str) -> bool:
    """Whether the login may act as the role; the transaction then does, under its row policies."""
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL ROLE {ident(role)}".encode())
    except psycopg.errors.InsufficientPrivilege:
        return False
    connection.execute(f"SET LOCAL row_security = {literal('on')}".encode())
    return True


@cache
def _sql(name: str) -> bytes:
    return resources.files("pgguard").joinpath(f"sql/mandate/{name}.sql").read_bytes()
