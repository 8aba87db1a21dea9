"""`pgguard learn` as a user types it: what the log shows is kept, what it does not is taken back."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.model.observation import Coverage
from pgguard.observe.store import ObservationStore

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]

PLANTED = ("Brunhilde", "2850775123456", "hunter2hunter2", "1977-03-04")
_SCHEMA = """
CREATE ROLE boss; CREATE ROLE lis LOGIN; CREATE ROLE reader LOGIN;
CREATE ROLE staff; CREATE ROLE ada LOGIN IN ROLE staff;
CREATE SCHEMA care AUTHORIZATION boss; GRANT USAGE ON SCHEMA care TO lis, reader, staff;
SET ROLE boss;
CREATE TABLE care.patient (
    id integer PRIMARY KEY, last_name text, birth_date date, nir text, room text, diagnosis text);
CREATE TABLE care.price (code text, amount integer);
CREATE TABLE care.notice (patient_id integer, diagnosis text);
CREATE VIEW care.rooms AS SELECT id, room FROM care.patient;
CREATE FUNCTION care.anything(what text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE what; END';
GRANT ALL ON care.patient, care.price TO lis;
GRANT SELECT, DELETE ON care.patient TO staff;
GRANT SELECT ON care.rooms TO reader, staff;
GRANT SELECT ON care.notice TO PUBLIC;
RESET ROLE;
INSERT INTO care.patient VALUES (1, 'Brunhilde', '1977-03-04', '2850775123456', 'B12', 'x');
"""
_LIS = (
    "SELECT last_name, room FROM care.patient WHERE nir = '2850775123456'",
    "UPDATE care.patient SET room = 'Brunhilde' WHERE id = 1",
    "SELECT amount FROM care.price WHERE code = 'hunter2hunter2'",
)
_OTHERS = {
    "ada": ("SELECT id, room, 'Brunhilde' FROM care.patient", "SELECT room FROM care.rooms WHERE id = 1"),
    "reader": ("SELECT diagnosis FROM care.notice WHERE diagnosis = 'Brunhilde'",),
}
_REFUSED = "SELECT last_name FROM care.patient WHERE birth_date = '1977-03-04'"


@pytest.fixture
def hospital(new_cluster: Callable[..., Cluster], postgres) -> Cluster:
    preload = {"shared_preload_libraries": "pg_stat_statements"} if _has_statements(postgres) else {}
    cluster = new_cluster(
        settings={
            "logging_collector": "on",
            "log_destination": "csvlog",
            "log_directory": "log",
            "log_filename": "server.log",
            "log_statement": "all",
            **preload,
        },
    )
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("SET log_statement = 'none'")
        connection.execute(_SCHEMA)
    return cluster


def _has_statements(postgres) -> bool:
    return any(postgres.bin.parent.rglob("pg_stat_statements.control")) or postgres.bin.parts[:2] == (
        "/",
        "usr",
    )


def _where(cluster: Cluster) -> list[str]:
    return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres", "-d", "postgres"]


def _work(cluster: Cluster) -> list[str]:
    """The application's statements; what the server refuses of them."""
    refused = []
    for role, statements in ({"lis": _LIS} | _OTHERS).items():
        with psycopg.connect(cluster.dsn(user=role), autocommit=True) as connection:
            for statement in statements:
                try:
                    connection.execute(statement)
                    connection.execute(statement.replace("1 ", "%s "), [1] if "1 " in statement else None)
                except psycopg.Error as error:
                    refused.append(f"{role}: {error}")
    return refused


def _log(cluster: Cluster) -> Path:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("SELECT 'the end'")
    log = cluster.data_directory / "log" / "server.csv"
    deadline = time.monotonic() + 20
    while b"the end" not in log.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    return log


def _long_watched(store: Path) -> None:
    """Statements of a year before the log, in which nothing else was used."""
    with ObservationStore(store) as kept:
        since = kept.coverages()[-1].until
        year = int(since[:4]) - 1
        kept.add_coverage(
            Coverage(f"{year}{since[4:]}", since, "statements", "older.csv", False, False, False, 0)
        )


def test_what_the_log_shows_stays_and_the_rest_goes(pgguard: Run, hospital: Cluster, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    assert _work(hospital) == []
    with (
        psycopg.connect(hospital.dsn(user="reader"), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(_REFUSED)
    learnt = ["learn", *_where(hospital), "--log", str(_log(hospital)), "--store", str(store)]
    done = pgguard(*learnt, "--plan", str(tmp_path / "early"))
    assert done.returncode == 0, done.stderr
    assert "the policy asks for 90 days" in done.stdout
    assert not list((tmp_path / "early").glob("0*.sql"))

    _long_watched(store)
    done = pgguard(
        "learn",
        *_where(hospital),
        "--store",
        str(store),
        "--plan",
        str(tmp_path / "plan"),
        "--format",
        "json",
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["not_attributable"] == []
    used = {(one["role"], one["name"], one["column"], one["operation"]) for one in told["used"]}
    assert ("lis", "care.patient", "nir", "SELECT") in used
    assert ("ada", "care.rooms", "room", "SELECT") in used
    assert ("boss", "care.patient", "room", "SELECT") in used
    # what was refused is no use
    assert not any(one[0] == "reader" and one[1] == "care.patient" for one in used)

    assert "once a year" in (tmp_path / "plan" / "plan.md").read_text()
    done = pgguard("apply", str(tmp_path / "plan"), *_where(hospital))
    assert done.returncode == 0, done.stderr
    done = pgguard("verify", str(tmp_path / "plan"), *_where(hospital))
    assert done.returncode == 0, done.stderr
    assert _work(hospital) == []
    with psycopg.connect(hospital.dsn(), autocommit=True) as connection:
        held = {
            (role, privilege): connection.execute(
                "SELECT has_table_privilege(%s, 'care.patient', %s)", (role, privilege)
            ).fetchone()
            for role in ("lis", "ada")
            for privilege in ("SELECT", "DELETE", "TRUNCATE")
        }
        assert set(held.values()) == {(False,)}
        for role, column, expected in (
            ("lis", "nir", True),
            ("lis", "diagnosis", False),
            ("ada", "room", True),
            ("ada", "nir", False),
        ):
            row = connection.execute(
                "SELECT has_column_privilege(%s, 'care.patient', %s, 'SELECT')", (role, column)
            ).fetchone()
            assert row == (expected,), (role, column)
        row = connection.execute("SELECT has_table_privilege('ada', 'care.notice', 'SELECT')").fetchone()
        assert row == (False,)
    done = pgguard("rollback", str(tmp_path / "plan"), "--all", *_where(hospital))
    assert done.returncode == 0, done.stderr
    with psycopg.connect(hospital.dsn(), autocommit=True) as connection:
        row = connection.execute("SELECT has_table_privilege('ada', 'care.patient', 'DELETE')").fetchone()
        assert row == (True,)


def test_no_value_of_a_statement_is_kept_or_told(pgguard: Run, hospital: Cluster, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    _work(hospital)
    with psycopg.connect(hospital.dsn(user="lis"), autocommit=True) as connection:
        for text in (
            "SELECT 1 FROM care.patient WHERE birth_date = '1977-03-04'",
            "SELECT care.anything('SELECT ''Brunhilde''')",
            "SELECT 'Brunhilde' FROM care.patient, hunter2hunter2",
            "DO $$ BEGIN EXECUTE 'SELECT ' || '2850775123456'; END $$",
            "SELECT 'Brunhilde' 'x' FRO care.patient",
            'SELECT "2850775123456" FROM care.patient',
        ):
            with contextlib.suppress(psycopg.Error):
                connection.execute(text.encode())
    log = _log(hospital)
    outputs = []
    for more in ((), ("--format", "json"), ("--plan", str(tmp_path / "plan"))):
        done = pgguard("learn", *_where(hospital), "--log", str(log), "--store", str(store), *more)
        assert done.returncode == 0, done.stderr
        outputs += [done.stdout, done.stderr]
    outputs += [one.read_text() for one in (tmp_path / "plan").iterdir()]
    everything = "".join(outputs).encode() + b"".join(one.read_bytes() for one in tmp_path.glob("store*"))
    assert b"care.patient" in everything
    for value in PLANTED:
        assert value.encode() in log.read_bytes()
        assert value.encode() not in everything
    assert "which runs SQL that it builds" in outputs[0]


def test_the_same_log_is_counted_once_and_an_old_store_grows(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    store = tmp_path / "store.sqlite"
    with ObservationStore(store):
        pass
    with sqlite3.connect(store) as old:
        old.execute("DROP TABLE usage")
        old.execute("DROP TABLE usage_gap")
        old.execute("PRAGMA user_version = 1")
    _work(hospital)
    log = _log(hospital)
    counted = []
    for _ in range(2):
        snapshot = tmp_path / "snapshot"
        assert pgguard("snapshot", *_where(hospital), "-o", str(snapshot)).returncode == 0
        done = pgguard("learn", "--from", str(snapshot), "--log", str(log), "--store", str(store))
        assert done.returncode == 0, done.stderr
        with ObservationStore(store) as kept:
            counted.append(sorted(kept.usage()))
    assert counted[0]
    assert counted[0] == counted[1]


def test_who_cannot_be_followed_loses_nothing(pgguard: Run, hospital: Cluster, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    _work(hospital)
    with psycopg.connect(hospital.dsn(user="ada"), autocommit=True) as connection:
        connection.execute("SELECT care.anything('SELECT 1')")
    assert (
        pgguard("learn", *_where(hospital), "--log", str(_log(hospital)), "--store", str(store)).returncode
        == 0
    )
    _long_watched(store)
    done = pgguard("learn", *_where(hospital), "--store", str(store), "--plan", str(tmp_path / "plan"))
    assert done.returncode == 0, done.stderr
    written = "".join(one.read_text() for one in (tmp_path / "plan").glob("0*.sql"))
    assert "FROM lis;" in written
    assert "FROM staff;" not in written
    assert "could not be followed" in (tmp_path / "plan" / "plan.md").read_text()


def test_logins_that_are_not_logged_lose_nothing(pgguard: Run, hospital: Cluster, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    _work(hospital)
    with psycopg.connect(hospital.dsn(), autocommit=True) as connection:
        connection.execute("ALTER ROLE ada SET log_statement = 'ddl'")
    assert (
        pgguard("learn", *_where(hospital), "--log", str(_log(hospital)), "--store", str(store)).returncode
        == 0
    )
    _long_watched(store)
    done = pgguard("learn", *_where(hospital), "--store", str(store), "--plan", str(tmp_path / "plan"))
    assert "Not every statement of these logins is logged (log_statement = all does it): ada" in done.stdout
    written = "".join(one.read_text() for one in (tmp_path / "plan").glob("0*.sql"))
    assert "FROM lis;" in written
    assert "FROM staff;" not in written


def test_tracked_statements_are_learnt_without_a_log(
    pgguard: Run, hospital: Cluster, tmp_path: Path, postgres
) -> None:
    if not _has_statements(postgres):
        pytest.skip("this server has no pg_stat_statements")
    store = tmp_path / "store.sqlite"
    with psycopg.connect(hospital.dsn(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
    _work(hospital)
    for _ in range(2):
        done = pgguard("learn", *_where(hospital), "--store", str(store))
        assert done.returncode == 0, done.stderr
    with ObservationStore(store) as kept:
        used = {one.need: one for one in kept.usage()}
        found = {(need.role, need.name, need.column, need.operation) for need in used}
        times = {
            one.times for need, one in used.items() if need.role == "reader" and need.column == "diagnosis"
        }
        covered = kept.coverages()
    assert ("lis", "care.patient", "nir", "SELECT") in found
    assert ("ada", "care.patient", "room", "SELECT") in found
    assert times == {2}
    assert bool(covered) is (postgres.major >= 14)
    for value in PLANTED:
        assert value.encode() not in store.read_bytes() + done.stdout.encode()
