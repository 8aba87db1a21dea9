"""Sessions that a key-encryption key goes over: unreadable on the network, and kept out of the log."""

from __future__ import annotations

import contextlib
from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from pgguard.errors import ApplyStopped, ConnectError, InputError, PgguardError, UsageError
from pgguard.model.quote import ident
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.server.connect import Target
    from pgguard.store.kek_provider import Kek

    Connection = psycopg.Connection[tuple[str, ...]]

OLDEST = 14
# "PGGU" as a number, and what is locked: the keys of one database
_LOCK, _KEYS = 0x50474755, 3
_OURS = "PGG"
_CHECKED = ("verify-ca", "verify-full")


class Place(NamedTuple):
    """A database as it is found; `can_use` is membership in pgguard_keys."""

    database: str
    role: str
    standby: bool
    installed: bool
    can_use: bool
    superuser: bool


def rows(connection: Connection, name: str, *values: object) -> list[tuple[Any, ...]]:
    """What a file of sql/keys returns; its parameters are $1, $2 and so on."""
    text = resources.files("pgguard").joinpath(f"sql/keys/{name}.sql").read_bytes()
    cursor = psycopg.RawCursor(connection).execute(text, values or None)
    return cursor.fetchall() if cursor.description else []


def call(connection: Connection, function: str, *values: object) -> Any:
    """The value of a function of the schema pgguard."""
    given = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    text = f"SELECT pgguard.{ident(function)}({given})".encode()
    row = psycopg.RawCursor(connection).execute(text, values or None).fetchone()
    return row[0] if row else None


def call_with_key(connection: Connection, function: str, *values: Kek | str) -> Any:
    """The same for a function that gets a key, which is bound and never part of the statement.

    Raises `UsageError` when this session's bound values would be written to the server's log.
    """
    if logged := call(connection, "logged_by"):
        msg = (
            f"the server writes bound values of our sessions to its log, by {logged}, and the key would be "
            f"among them: ALTER ROLE {ident(connection.info.user)} SET log_parameter_max_length = 0 as a "
            "superuser, or connect as one"
        )
        raise UsageError(msg)
    return call(connection, function, *(one if isinstance(one, str) else one.reveal() for one in values))


@contextlib.contextmanager
def session(
    target: Target, *, say: Callable[[str], None] | None = None
) -> Iterator[tuple[Connection, Place]]:
    """A session in the database of the target, each statement of its own unless in `alone`.

    With `say` a key may go over it: it is refused where others could read the network, and what is to be
    known of the channel is said. The server's refusals become errors with one sentence; raises
    `ConnectError`, `UsageError`, `InputError`, `ApplyStopped`.
    """
    with closing(target.connect()) as connection:
        connection.read_only = None
        connection.isolation_level = None
        connection.autocommit = True
        with told():
            if connection.info.server_version < OLDEST * 10000:
                version = connection.info.server_version // 10000
                msg = f"the server runs PostgreSQL {version}, and encryption needs {OLDEST} or later"
                raise ConnectError(msg)
            rows(connection, "session")
            if say is not None:
                require_private(connection, say)
                quieten(connection)
            yield connection, place(connection)


def place(connection: Connection) -> Place:
    """How the database of the connection is found."""
    return Place(*rows(connection, "place")[0])


@contextlib.contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """A transaction that no other work on this database's keys runs beside."""
    with connection.transaction():
        connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s, %s)", (_LOCK, _KEYS))
        yield


def require(found: Place, *, writes: bool = True, superuser: bool = False) -> None:
    """Raises `UsageError` when keys are not installed, or we may not do what is wanted."""
    where = ident(found.database)
    if not found.installed:
        msg = f"there are no keys in {where}: pgguard keys init"
    elif writes and found.standby:
        msg = "this server is a standby, which is read-only: connect to the primary"
    elif superuser and not found.superuser:
        msg = f"{ident(found.role)} is no superuser, and this reads a file of the server: connect as one"
    elif not (found.can_use or found.superuser):
        msg = (
            f"{ident(found.role)} may not use the keys of {where}: GRANT pgguard_keys TO {ident(found.role)}"
        )
    else:
        return
    raise UsageError(msg)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turns what the server refuses into one sentence without values."""
    try:
        yield
    except PgguardError:
        raise
    except psycopg.Error as error:
        raise _sentence(error) from None


def _sentence(error: psycopg.Error) -> PgguardError:
    state = error.sqlstate
    if state is None:
        return ApplyStopped(
            "the connection was lost, and whether the last step was done is not known: pgguard keys status"
        )
    if state.startswith(_OURS):
        return InputError(
            (error.diag.message_primary or "").removeprefix("pgguard: ") + "; nothing was changed"
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return UsageError(f"{refusal(error)}; nothing was changed: connect as a superuser or as its owner")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return UsageError("this server is read-only: connect to the primary")
    if isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
        return ApplyStopped("somebody else has locked what is needed, and the step was undone: try again")
    return ApplyStopped(f"the server refused: {refusal(error)}; the step was undone")


def require_private(connection: Connection, say: Callable[[str], None]) -> None:
    """Raises `UsageError` when what is sent can be read on the network."""
    host = connection.info.host
    by_socket, tls, gss = rows(connection, "channel")[0]
    # the client's end and the server's: between them may be a pooler
    sent = not host or host.startswith(("/", "@")) or connection.pgconn.ssl_in_use or gss
    if not (sent and (by_socket or tls or gss)):
        msg = (
            "the key would cross the network in clear: connect by the server's socket, or over TLS "
            "(sslmode=verify-full)"
        )
        raise UsageError(msg)
    if connection.pgconn.ssl_in_use and _option(connection, "sslmode") not in _CHECKED:
        say("the server's certificate is not checked: sslmode=verify-full keeps the key from an impostor")


def _option(connection: Connection, name: str) -> str:
    found = [one.val for one in connection.pgconn.info if one.keyword == name.encode()]
    return (found[0] or b"").decode() if found else ""


def quieten(connection: Connection) -> None:
    """Keep bound values of this session out of the server's log, as far as we may."""
    superuser = place(connection).superuser
    # from 15 on the right to a setting can be granted
    may_try = superuser or connection.info.server_version >= 150000
    for name, value, ours in rows(connection, "loud"):
        if ours or may_try:
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))
