"""One read-only pass over a cluster: the queries of sql/, pipelined, and what no SQL gives."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from psycopg import generators, pq

from pgguard.errors import ConnectError
from pgguard.model.quote import ident
from pgguard.model.snapshot import DatabaseSnapshot, Missing, Snapshot
from pgguard.server.connect import describe
from pgguard.server.outside import certificates, file_modes, password_guesses, password_verifiers
from pgguard.server.queries import FIRST, OUTSIDE, STATEMENTS, Query, limits, queries, query, variants
from pgguard.store.lines import decode, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from psycopg.abc import PQGen

    from pgguard.model.rows import Server
    from pgguard.server.connect import Target

Connection = psycopg.Connection[tuple[str, ...]]
Found = dict[str, "Sequence[Any] | Missing"]
Result = pq.abc.PGresult
Step = tuple[bytes, "Callable[[Result], Any]"]
# nothing is ever written, so that going back to the savepoint only clears an error away
_SAVEPOINT = b"SAVEPOINT pgguard"
_BACK = b"ROLLBACK TO SAVEPOINT pgguard"


def read_snapshot(
    target: Target,
    databases: Iterable[str] | None = None,
    *,
    progress: Callable[[str], None] = lambda text: None,
) -> Snapshot:
    """A snapshot of the cluster: all databases that are not PostgreSQL's templates, or those named.

    With none named (an empty list) it is for questions that SQL on the cluster answers: neither
    certificate nor files are looked at, and no password is guessed.

    What belongs to the cluster is read in one transaction, and so is each database: the first one, to
    which the target leads, in the same. A database that is out of reach is in the snapshot with all of
    its sections missing. Raises `ConnectError` when the first connection fails or breaks off, or a named
    database is not there.
    """
    wanted = None if databases is None else list(dict.fromkeys(databases))
    verifiers: Sequence[tuple[str, ...]] | Missing = Missing("it is not asked for")
    progress("connecting")
    with closing(target.connect()) as connection:
        current = connection.info.dbname
        try:
            progress("reading what belongs to the whole cluster")
            found = _cluster(connection)
            chosen = _chosen(wanted, found["databases"], current)
            inspected = {}
            if current in chosen:
                progress(f"reading database {current}")
                inspected[current] = _database(connection, current)
            if wanted == []:
                found |= {name: Missing("it is not asked for") for name in OUTSIDE}
            else:
                verifiers = _look_outside(connection, found)
        except psycopg.Error as error:
            msg = f"the connection to database {current} broke off: {_said(error)}; run it again"
            raise ConnectError(msg) from None
        target = target.pinned(connection)
        label = describe(connection)
        # no transaction stays open while passwords are guessed and other databases are read
        connection.close()
    progress("guessing passwords locally")
    found["password_guesses"] = password_guesses(verifiers, _names(found["databases"]))
    for number, (name, refused) in enumerate(chosen.items(), 1):
        if name not in inspected:
            progress(f"reading database {name} ({number} of {len(chosen)})")
            inspected[name] = _closed(name, refused) if refused else _elsewhere(target, name)
    return Snapshot(found, [inspected[name] for name in chosen], label)


def read_open(connection: Connection) -> Snapshot:
    """The cluster and the connection's database as its open transaction sees them; no files, no guesses."""
    found = _cluster(connection)
    for name in OUTSIDE:
        found[name] = Missing("it is not looked at from inside a transaction")
    name = connection.info.dbname
    inspected = _database(connection, name)
    found["password_guesses"] = password_guesses(password_verifiers(connection), _names(found["databases"]))
    return Snapshot(found, [inspected], describe(connection))


def _cluster(connection: Connection) -> Found:
    major = connection.info.server_version // 10000
    types = Snapshot.section_types()
    first = [query(FIRST, major)]
    connection.execute(_SAVEPOINT)
    found = _sections(connection, first, types)
    _limit(connection)
    if isinstance(found[FIRST], Missing):
        # perhaps our role's own statement_timeout ended it, which is lifted now
        found = _sections(connection, first, types)
    found |= _sections(connection, [one for one in queries(Snapshot, major) if one.section != FIRST], types)
    if isinstance(found["server_rows"], Missing):
        msg = f"the server does not say what it is: {found['server_rows'].reason}"
        raise ConnectError(msg)
    return {name: found[name] for name in types if name in found}


def _database(connection: Connection, name: str) -> DatabaseSnapshot:
    major = connection.info.server_version // 10000
    types = DatabaseSnapshot.section_types()
    (schema,) = _answers(connection, [(variants("session", "statements_schema")[0], _schema)])
    chosen = [_located(one, schema) for one in queries(DatabaseSnapshot, major)]
    found = _sections(connection, chosen, types)
    return DatabaseSnapshot({section: found[section] for section in types}, name)


def _schema(result: Result) -> str:
    # where even that is refused, so is what asks whether the extension is there
    known = result.status == pq.ExecStatus.TUPLES_OK
    return readable(result.get_value(0, 0) or b"") if known else "pg_catalog"


def _located(one: Query, schema: str) -> Query:
    # The view is named for the query and nothing else is: were its schema on the search_path, functions
    # that others put there could be taken for the system's.
    if one.section != STATEMENTS:
        return one
    view = f"WITH pg_stat_statements AS (SELECT * FROM {ident(schema)}.pg_stat_statements)".encode()  # noqa: S608
    return one._replace(text=view + b"\nSELECT * FROM (\n" + one.text + b"\n) AS shown")


def _limit(connection: Connection) -> None:
    connection.execute(limits(connection.info.server_version // 10000))
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
        # such a database holds any bytes: as UTF-8 the server would refuse to send some of them
        connection.execute(b"SET LOCAL client_encoding = 'SQL_ASCII'")
    connection.execute(_SAVEPOINT)


def _look_outside(connection: Connection, found: Found) -> Sequence[tuple[str, ...]] | Missing:
    rows = found["server_rows"]
    assert not isinstance(rows, Missing)  # noqa: S101 - _cluster has raised
    server: Server = rows[0]
    found["certificates"] = certificates(connection, server, found["settings"])
    found["files"] = file_modes(connection, found["settings"], found["config_files"])
    connection.execute(b"SET LOCAL client_encoding = 'UTF8'")
    try:
        return password_verifiers(connection)
    except psycopg.DataError as error:
        return Missing(_said(error))


def _elsewhere(target: Target, name: str) -> DatabaseSnapshot:
    try:
        with closing(target.connect(name)) as connection:
            _limit(connection)
            return _database(connection, name)
    except ConnectError as error:
        return _closed(name, str(error))
    except psycopg.Error as error:
        return _closed(name, f"the connection broke off: {_said(error)}")


def _closed(name: str, reason: str) -> DatabaseSnapshot:
    return DatabaseSnapshot(dict.fromkeys(DatabaseSnapshot.section_types(), Missing(reason)), name)


def _chosen(wanted: list[str] | None, known: Sequence[Any] | Missing, current: str) -> dict[str, str]:
    # the databases to look at, each with why it cannot be, or nothing
    rows = {} if isinstance(known, Missing) else {row.name: row for row in known}
    if wanted is None:
        wanted = [name for name in rows if name not in ("template0", "template1")] or [current]
    absent = [name for name in wanted if rows and name not in rows]
    if absent:
        msg = f"there is no database {', '.join(absent)}; there are {', '.join(rows)}"
        raise ConnectError(msg)
    # in the order of the catalog, whatever the order they were asked for
    return {
        name: "" if name not in rows or rows[name].allow_connections else "it refuses all connections"
        for name in rows or wanted
        if name in wanted
    }


def _names(databases: Sequence[Any] | Missing) -> list[str]:
    return [] if isinstance(databases, Missing) else [row.name for row in databases]


def _sections(connection: Connection, chosen: Sequence[Query], types: dict[str, type[Any]]) -> Found:
    steps: list[Step] = []
    for one in chosen:
        if one.ask:
            steps.append((one.ask, _asked))
        if one.text:
            steps.append((one.text, partial(_rows, types[one.section])))
    answers = deque(_answers(connection, steps))
    found: Found = {}
    for one in chosen:
        asked = answers.popleft() if one.ask else None
        rows = answers.popleft() if one.text else ()
        found[one.section] = rows if asked is None else asked
    return found


def _asked(result: Result) -> Sequence[Any] | Missing | None:
    # None where the rows may be believed; otherwise why not, or that there are none
    if result.status != pq.ExecStatus.TUPLES_OK:
        return _refusal(result)
    if result.get_value(0, 0) == b"t":
        return None
    reason = readable(result.get_value(0, 1) or b"")
    return Missing(reason) if reason else ()


def _rows(row: type[Any], result: Result) -> Sequence[Any] | Missing:
    if result.status != pq.ExecStatus.TUPLES_OK:
        return _refusal(result)
    try:
        return decode(row, [result.get_value(number, 0) or b"" for number in range(result.ntuples)])
    except (msgspec.DecodeError, UnicodeError) as error:
        return Missing(f"the server's answer is not what this version of pgguard reads: {error}")


def _refusal(result: Result) -> Missing:
    return Missing(_field(result, pq.DiagnosticField.MESSAGE_PRIMARY) or "the server sent no result")


def _answers(connection: Connection, steps: Sequence[Step]) -> list[Any]:
    """What each step makes of the answer to its query, while the server goes on with the next one."""
    return connection.wait(_pipelined(connection.pgconn, steps))


def _pipelined(pgconn: pq.abc.PGconn, steps: Sequence[Step]) -> PQGen[list[Any]]:
    # In a pipeline an error ends everything up to the next synchronisation point. Each query gets one of
    # its own and a way back to the savepoint after it, so that all is read in one round trip and what is
    # refused costs nothing else (manual, 34.5).
    pgconn.enter_pipeline_mode()
    for text, _ in steps:
        for statement in (text, _BACK):
            pgconn.send_query_params(statement, None)
            pgconn.pipeline_sync()
    yield from generators.send(pgconn)
    answers = []
    for _, take in steps:
        answers.append(take((yield from _next(pgconn))))
        yield from _next(pgconn)
    pgconn.exit_pipeline_mode()
    return answers


def _next(pgconn: pq.abc.PGconn) -> PQGen[Result]:
    result: Result
    (result,) = yield from generators.fetch_many(pgconn)
    if _field(result, pq.DiagnosticField.SEVERITY_NONLOCALIZED) in ("FATAL", "PANIC"):
        raise psycopg.OperationalError(_field(result, pq.DiagnosticField.MESSAGE_PRIMARY))
    yield from generators.fetch_many(pgconn)
    return result


def _field(result: Result, field: pq.DiagnosticField) -> str:
    return readable(result.error_field(field) or b"")


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or (str(error).strip() or type(error).__name__).splitlines()[0]
