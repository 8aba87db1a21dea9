"""A session with the audit store of a database, and what its refusals mean."""

from __future__ import annotations

import contextlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg

from pgguard.errors import ConnectError, PgguardError, UsageError
from pgguard.model.quote import ident
from pgguard.server.connect import said
from pgguard.server.queries import variants
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.server.connect import Target

Connection = psycopg.Connection[tuple[Any, ...]]
_ABSENT = (
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
)
# conditions that functions of the store raise, whose messages are ours
_OURS = ("PGA05", "PGA06")


class NoStore(UsageError):  # noqa: N818 - reads as what was found
    """The database has no audit store."""


@contextlib.contextmanager
def session(target: Target, role: str, *, writes: bool = True) -> Iterator[Connection]:
    """A connection in repeatable-read transactions, without the timeouts of its role.

    Raises `NoStore` where there is no audit store, `UsageError` when the login lacks what members of `role`
    may do or the store refuses, `ConnectError` when the server fails or goes away.
    """
    with closing(target.connect()) as connection, explained(connection, role):
        connection.read_only = None
        rows(connection, "session")
        connection.commit()
        connection.read_only = not writes
        yield connection


@contextlib.contextmanager
def explained(connection: Connection, role: str) -> Iterator[None]:
    """Errors of the server as errors of ours, which name no value."""
    try:
        yield
    except psycopg.Error as error:
        raise _meant(error, connection, role) from None


def rows(connection: Connection, name: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What the query `sql/audit/NAME.sql` gives."""
    cursor = psycopg.RawCursor(connection)
    return cursor.execute(variants("audit", name)[0], list(parameters), binary=True).fetchall()


def stream(
    connection: Connection, name: str, parameters: Sequence[Any], at_once: int
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of `sql/audit/NAME.sql`, so many at once, by a cursor of the server."""
    with psycopg.RawServerCursor(connection, f"pgguard_{name}") as cursor:
        cursor.execute(variants("audit", name)[0], list(parameters), binary=True)
        while found := cursor.fetchmany(at_once):
            yield found


def _meant(error: psycopg.Error, connection: Connection, role: str) -> PgguardError:
    if isinstance(error, _ABSENT):
        name = connection.info.dbname if not connection.closed else "named"
        return NoStore(
            f"the database {name} has no audit store that this version of pgguard knows: pgguard plan --audit"
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return UsageError(f"{said(error)}: GRANT {role} TO {ident(connection.info.user)}")
    if error.sqlstate in _OURS:
        return UsageError(said(error).removeprefix("pgguard: "))
    return ConnectError(f"the server could not go on: {refusal(error)}")
