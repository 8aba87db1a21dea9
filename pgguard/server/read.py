"""One read-only pass over a cluster: the queries of sql/snapshot/, pipelined, and what no SQL gives."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import psycopg
from psycopg import sql

from pgguard.errors import ConnectError, PgguardError
from pgguard.model.snapshot import DatabaseSnapshot, Missing, Snapshot
from pgguard.server.connect import describe
from pgguard.server.outside import certificates, file_modes, password_guesses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pgguard.model.rows import Server
    from pgguard.model.section import Sections
    from pgguard.server.connect import Target

Connection = psycopg.Connection[tuple[str, ...]]
Found = dict[str, "Sequence[Any] | Missing"]
_OUTSIDE = frozenset({"password_guesses", "files", "certificates"})
# statements needs a search_path of its own; server_rows and settings come before anything is SET
_APART = frozenset({"statements", "server_rows", "settings"})
_LIMITS = (
    b"SET LOCAL search_path = ''",
    b"SET LOCAL statement_timeout = '10min'",
    b"SET LOCAL lock_timeout = '5s'",
)


class Query(NamedTuple):
    """The query of one section as its file has it."""

    section: str
    text: bytes


@cache
def queries(kind: type[Sections], major: int) -> tuple[Query, ...]:
    """The query of every section of that kind which SQL can read, in order, for a major version."""
    return tuple(
        Query(name, _file(name, major))
        for name in kind.section_types()
        if name not in _OUTSIDE and not (name == "ident_rules" and major < 15)
    )


def read_snapshot(
    target: Target,
    databases: Iterable[str] | None = None,
    *,
    progress: Callable[[str], None] = lambda text: None,
) -> Snapshot:
    """A snapshot of the cluster: all databases that are not PostgreSQL's templates, or those named.

    Raises `ConnectError` when the first connection fails, or a named database is not there.
    """
    wanted = None if databases is None else list(dict.fromkeys(databases))
    with target.connect() as connection:
        progress("reading what belongs to the whole cluster")
        found = _cluster(connection)
        rows = found["databases"]
        known = [] if isinstance(rows, Missing) else list(rows)
        chosen = _chosen(wanted, known, connection.info.dbname)
        inspected = []
        for number, (name, refused) in enumerate(chosen, 1):
            progress(f"reading database {name} ({number} of {len(chosen)})")
            if refused:
                inspected.append(_closed(name, refused))
            elif name == connection.info.dbname:
                inspected.append(_database(connection, name))
            else:
                inspected.append(_elsewhere(target, name))
        server = _server(found)
        progress("guessing passwords locally")
        found["password_guesses"] = password_guesses(connection, [row.name for row in known])
        found["certificates"] = certificates(connection, server, found["settings"])
        found["files"] = file_modes(connection, found["settings"], found["config_files"])
        label = describe(connection)
        connection.rollback()
    return Snapshot(found, inspected, label)


def read_open(connection: Connection) -> Snapshot:
    """The cluster and the connection's database as its open transaction sees them; no files, no guesses."""
    found = _cluster(connection)
    for name in _OUTSIDE:
        found[name] = Missing("it is not looked at from inside a transaction")
    rows = found["databases"]
    names = [] if isinstance(rows, Missing) else [row.name for row in rows]
    found["password_guesses"] = password_guesses(connection, names)
    return Snapshot(found, [_database(connection, connection.info.dbname)], describe(connection))


def decode(row: Any, lines: Sequence[bytes]) -> tuple[Any, ...]:
    """Rows from their JSON lines; raises `msgspec.ValidationError` for what does not fit the type."""
    decoder: msgspec.json.Decoder[Any] = _decoder(row)
    return tuple(decoder.decode(b"[" + b",".join(lines) + b"]"))


@cache
def _decoder(row: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[row])


@cache
def _file(section: str, major: int) -> bytes:
    folder = resources.files("pgguard").joinpath("sql/snapshot")
    versions = {}
    for entry in folder.iterdir():
        fitting = re.fullmatch(rf"{section}(?:\.pg(\d+))?\.sql", entry.name)
        if fitting:
            versions[int(fitting[1] or 0)] = entry
    return versions[max(since for since in versions if since <= major)].read_bytes()


def _cluster(connection: Connection) -> Found:
    major = connection.info.server_version // 10000
    by_name = {query.section: query.text for query in queries(Snapshot, major)}
    types = Snapshot.section_types()
    first = [Query(name, by_name[name]) for name in ("server_rows", "settings")]
    found = _sections(connection, first, types)
    if isinstance(found["server_rows"], Missing):
        msg = f"the server does not say what it is: {found['server_rows'].reason}"
        raise ConnectError(msg)
    _limit(connection, major)
    found |= _sections(
        connection, [query for query in queries(Snapshot, major) if query.section not in _APART], types
    )
    server = _server(found)
    if not server.reads_all_stats:
        found["sessions"] = Missing(
            f"the server hides other roles' sessions from {server.inspected_as}: "
            f"GRANT pg_read_all_stats TO {server.inspected_as}"
        )
    if major < 15:
        found["ident_rules"] = Missing("PostgreSQL has pg_ident_file_mappings from version 15 on")
    return {name: found[name] for name in types if name in found}


def _server(found: Found) -> Server:
    rows = found["server_rows"]
    assert not isinstance(rows, Missing)  # noqa: S101 - _cluster has raised
    server: Server = rows[0]
    return server


def _limit(connection: Connection, major: int) -> None:
    for statement in (*_LIMITS, b"SET LOCAL jit = off") if major >= 11 else _LIMITS:
        connection.execute(statement)


def _database(connection: Connection, name: str) -> DatabaseSnapshot:
    major = connection.info.server_version // 10000
    types = DatabaseSnapshot.section_types()
    chosen = [query for query in queries(DatabaseSnapshot, major) if query.section not in _APART]
    found = _sections(connection, chosen, types)
    found["statements"] = _statements(connection)
    mappings = found["user_mappings"]
    if mappings and not isinstance(mappings, Missing) and not _flag(connection, _IS_SUPERUSER):
        found["user_mappings"] = Missing(
            "the server shows the options of user mappings to superusers only, and none to others without "
            "an error"
        )
    subscriptions = found["subscriptions"]
    if isinstance(subscriptions, Missing) and not _flag(connection, _HAS_SUBSCRIPTIONS):
        found["subscriptions"] = ()
    return DatabaseSnapshot({section: found[section] for section in types}, name)


_IS_SUPERUSER = b"SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
_HAS_SUBSCRIPTIONS = b"SELECT EXISTS (SELECT subname FROM pg_catalog.pg_subscription)"
_STATEMENTS_SCHEMA = (
    b"SELECT n.nspname FROM pg_catalog.pg_extension AS e "
    b"JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'"
)


def _flag(connection: Connection, query: bytes) -> bool:
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def _statements(connection: Connection) -> Sequence[Any] | Missing:
    schema = connection.execute(_STATEMENTS_SCHEMA).fetchone()
    if schema is None:
        return ()
    if not _flag(connection, b"SELECT pg_has_role('pg_read_all_stats', 'USAGE')"):
        return Missing("the server hides other roles' statements: GRANT pg_read_all_stats")
    connection.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(schema[0])))
    major = connection.info.server_version // 10000
    types = DatabaseSnapshot.section_types()
    found = _sections(connection, [Query("statements", _file("statements", major))], types)
    connection.execute(_LIMITS[0])
    return found["statements"]


def _elsewhere(target: Target, name: str) -> DatabaseSnapshot:
    try:
        with target.connect(name) as connection:
            _limit(connection, connection.info.server_version // 10000)
            read = _database(connection, name)
            connection.rollback()
            return read
    except ConnectError as error:
        return _closed(name, str(error))
    except psycopg.Error as error:
        return _closed(name, f"the connection broke off: {_reason(error)}")


def _closed(name: str, reason: str) -> DatabaseSnapshot:
    return DatabaseSnapshot({section: Missing(reason) for section in DatabaseSnapshot.section_types()}, name)


def _chosen(wanted: list[str] | None, known: list[Any], current: str) -> list[tuple[str, str]]:
    rows = {row.name: row for row in known}
    if wanted is None:
        names = [name for name in rows if name not in ("template0", "template1")] or [current]
    else:
        names = wanted
        absent = [name for name in wanted if rows and name not in rows]
        if absent:
            msg = f"there is no database {', '.join(absent)}; there are {', '.join(rows)}"
            raise ConnectError(msg)
    return [
        (name, "" if name not in rows or rows[name].allow_connections else "it refuses all connections")
        for name in names
    ]


def _sections(connection: Connection, chosen: Sequence[Query], types: dict[str, type[Any]]) -> Found:
    try:
        lines = _together(connection, chosen)
    except psycopg.Error:
        if connection.closed:
            raise
        lines = {query.section: _alone(connection, query) for query in chosen}
    return {
        name: got if isinstance(got, Missing) else decode(types[name], got) for name, got in lines.items()
    }


def _together(connection: Connection, chosen: Sequence[Query]) -> dict[str, list[bytes] | Missing]:
    connection.execute(b"SAVEPOINT pgguard_sections")
    try:
        with connection.pipeline():
            cursors = [connection.cursor().execute(query.text) for query in chosen]
        answers: dict[str, list[bytes] | Missing] = {
            query.section: _column(cursor) for query, cursor in zip(chosen, cursors, strict=True)
        }
    except psycopg.Error:
        if not connection.closed:
            connection.execute(b"ROLLBACK TO SAVEPOINT pgguard_sections")
        raise
    connection.execute(b"RELEASE SAVEPOINT pgguard_sections")
    return answers


def _alone(connection: Connection, query: Query) -> list[bytes] | Missing:
    connection.execute(b"SAVEPOINT pgguard_section")
    try:
        answer = _column(connection.execute(query.text))
    except psycopg.Error as error:
        if connection.closed:
            raise
        connection.execute(b"ROLLBACK TO SAVEPOINT pgguard_section")
        return Missing(_reason(error))
    connection.execute(b"RELEASE SAVEPOINT pgguard_section")
    return answer


def _column(cursor: psycopg.Cursor[tuple[str, ...]]) -> list[bytes]:
    result = cursor.pgresult
    if result is None:
        msg = "the server sent no result"
        raise PgguardError(msg)
    return [result.get_value(number, 0) or b"" for number in range(result.ntuples)]


def _reason(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip().splitlines()[0]
