"""Statements found in logs of real servers, whatever writes them, and in lines of other languages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.usage.statements import Analyst
from pgguard.model.usage import WHOLE
from pgguard.observe.learning import learn_from_logs
from pgguard.observe.records import LogRecord, read_log
from pgguard.observe.statements import StatementReader
from pgguard.observe.store import ObservationStore
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.observe.statements import Logged

PREFIX = "%m [%p] %q%u@%d "
_COLLECTED = {"logging_collector": "on", "log_directory": "log", "log_filename": "server.log"}
WAYS = {
    "log_statement": {"log_statement": "all"},
    "log_min_duration_statement": {"log_min_duration_statement": "0"},
    "both": {"log_statement": "all", "log_min_duration_statement": "0"},
}
FORMATS = {"stderr": "server.log", "csvlog": "server.csv", "jsonlog": "server.json"}


def _record(message: str, detail: str = "", **more: object) -> LogRecord:
    given = {
        "at": "2026-11-25T08:00:00Z",
        "session": "6.1",
        "pid": 1,
        "role": "lis",
        "database": "lab",
        "application": "",
        "address": "",
        "severity": "LOG",
        "sqlstate": "00000",
        "message": message,
        "detail": detail,
        "statement": "",
        "backend_type": "",
        **more,
    }
    return LogRecord(**given)  # type: ignore[arg-type]


def _read(*records: LogRecord) -> list[Logged]:
    reader = StatementReader()
    found = [one for record in records for one in reader.add(record)]
    return [*found, *reader.rest()]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", FORMATS)
def test_every_way_of_logging_tells_the_same(
    new_cluster: Callable[..., Cluster], tmp_path: Path, way: str, form: str, postgres
) -> None:
    if form == "jsonlog" and postgres.major < 15:
        pytest.skip("jsonlog is there from 15 on")
    settings = {**_COLLECTED, **WAYS[way], "log_destination": form, "log_line_prefix": PREFIX}
    cluster = new_cluster(settings=settings)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "CREATE ROLE lis LOGIN; CREATE ROLE other; GRANT other TO lis; "
            "CREATE SCHEMA care; GRANT ALL ON SCHEMA care TO lis, other; "
            "CREATE TABLE care.patient (id integer, name text, room text); "
            "GRANT ALL ON care.patient TO lis, other"
        )
    with psycopg.connect(cluster.dsn(user="lis"), autocommit=True) as connection:
        connection.execute("SET search_path = care")
        for number in range(8):
            # from the fifth time on as a prepared statement
            connection.execute("SELECT\n\tname\nFROM patient WHERE id = %s", [number])
        connection.execute("PREPARE q AS UPDATE patient SET room = 'x'")
        connection.execute("EXECUTE q")
        connection.execute("SET ROLE other")
        connection.execute("DELETE FROM patient")
        connection.execute("RESET ROLE")
        with connection.cursor(name="many") as cursor, connection.transaction():
            cursor.execute("SELECT room FROM patient")
            cursor.fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM pg_authid JOIN patient ON name = rolname")
        connection.execute("SELECT 'the end'")
    log = cluster.data_directory / "log" / FORMATS[form]
    deadline = time.monotonic() + 20
    while b"the end" not in log.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    snapshot = read_snapshot(Target.from_options(cluster.dsn()))
    with ObservationStore(tmp_path / "store") as store:
        learn_from_logs(
            store,
            Analyst(snapshot),
            [log],
            now="2026-11-25T08:00:00Z",
            prefix=PREFIX if form == "stderr" else None,
        )
        found = {
            (one.need.role, one.need.column, one.need.operation): one.times
            for one in store.usage()
            if one.need.name == "care.patient" and one.need.role in ("lis", "other")
        }
        gaps = [one for one in store.usage_gaps() if one.gap.role in ("lis", "other")]
    assert gaps == []
    assert set(found) == {
        ("lis", "id", "SELECT"),
        ("lis", "name", "SELECT"),
        ("lis", "room", "SELECT"),
        # the PREPARE and the EXECUTE
        ("lis", "room", "UPDATE"),
        ("other", "", "DELETE"),
    }
    assert found["lis", "id", "SELECT"] == 8


@pytest.mark.parametrize(
    "message",
    [
        "statement: SELECT 1",
        "instruction : SELECT 1",
        "sentencia: SELECT 1",
        "Anweisung: SELECT 1",
        "istruzione: SELECT 1",
        "sats: SELECT 1",
        "duration: 0.123 ms  statement: SELECT 1",
        "durée : 0.123 ms, instruction : SELECT 1",
        "Dauer: 0.123 ms  Anweisung: SELECT 1",
        "execute <unnamed>: SELECT 1",
        "execute fetch from s1/c1: SELECT 1",
        "duration: 0.123 ms  execute s1: SELECT 1",
        "Dauer: 0.123 ms  Ausführen <unnamed>: SELECT 1",
        "duration: 0.1 ms  plan:\nQuery Text: SELECT 1\nResult  (cost=0.00..0.01 rows=1 width=4)",
        "AUDIT: SESSION,1,1,READ,SELECT,,,SELECT 1,<none>",
    ],
)
def test_messages_that_hold_a_statement(message: str) -> None:
    (found,) = _read(_record(message))
    assert found.text == "SELECT 1"


@pytest.mark.parametrize(
    "message",
    [
        "duration: 0.123 ms",
        "duration: 0.123 ms  parse <unnamed>: SELECT 1",
        "duration: 0.123 ms  bind <unnamed>: SELECT 1",
        "durée : 0.123 ms, analyse <unnamed> : SELECT 1",
        "checkpoint starting: time",
        'fastpath function call: "f" (OID 1)',
    ],
)
def test_messages_that_hold_none(message: str) -> None:
    assert _read(_record(message)) == []


def test_what_was_refused_was_not_used() -> None:
    refused = _record("permission denied for table patient", severity="ERROR", sqlstate="42501")
    failed = _record("duplicate key value", severity="ERROR", sqlstate="23505")
    other = _record("statement: SELECT 2", session="6.2")
    assert [one.text for one in _read(_record("statement: SELECT 1"), refused, other)] == ["SELECT 2"]
    assert [one.text for one in _read(_record("statement: SELECT 1"), failed)] == ["SELECT 1"]


def test_the_prepare_of_an_execute_is_in_the_detail() -> None:
    own = _record("statement: EXECUTE q", "prepare: PREPARE q AS SELECT 1")
    lines = _record("statement: EXECUTE q"), _record("prepare: PREPARE q AS SELECT 1", severity="DETAIL")
    assert _read(own) == _read(*lines)
    assert _read(own)[0].prepared == "PREPARE q AS SELECT 1"


def test_pgaudit_tells_a_relation_where_it_hides_the_text(cluster: Cluster) -> None:
    lines = [
        'AUDIT: SESSION,1,1,READ,SELECT,TABLE,care.patient,"SELECT 1",<none>',
        'AUDIT: SESSION,1,1,READ,SELECT,TABLE,care.ward,"SELECT 1",<none>',
        "AUDIT: SESSION,2,1,WRITE,UPDATE,TABLE,care.patient,<not logged>,<not logged>",
        "AUDIT: OBJECT,3,2,READ,SELECT,TABLE,care.patient,SELECT secret,<none>",
    ]
    found = _read(*map(_record, lines))
    assert [one.text for one in found] == ["SELECT 1", ""]
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute("CREATE SCHEMA care; CREATE TABLE care.patient (id integer)")
        from pgguard.server.read import read_open

        analyst = Analyst(read_open(connection))
        connection.rollback()
    audited = found[1].audited
    assert audited is not None
    (need,) = analyst.audited("lis", "lab", audited.command, audited.name).needs
    assert need[2:] == ("care.patient", WHOLE, "UPDATE")


def test_a_log_of_many_sessions_needs_no_more_memory_than_some(tmp_path: Path) -> None:
    reader = StatementReader()
    told = 0
    for number in range(50_000):
        told += len(list(reader.add(_record("statement: SELECT 1", session=f"6.{number:x}"))))
    left = len(list(reader.rest()))
    assert told + left == 50_000
    assert left < 25_000


def test_a_log_that_is_not_sql_is_no_statement(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("2026-11-25 08:00:00.000 UTC [1] lis@lab LOG:  statement: SELECT 1\n\tFROM x\n")
    (record,) = read_log([log], prefix=PREFIX)
    assert [one.text for one in _read(record)] == ["SELECT 1\nFROM x"]
