"""`pgguard plan --audit`, applied, verified, planned again and taken back, as its user types it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.model.audit import OLDEST
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from tests.conftest import MAJOR
from tests.snapshots import differences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

pytestmark = pytest.mark.skipif(
    MAJOR is not None and MAJOR < OLDEST, reason=f"the audit needs PostgreSQL {OLDEST}"
)

TABLES = """
    CREATE SCHEMA lab;
    CREATE SCHEMA archive;
    CREATE TABLE lab.patient (id bigint PRIMARY KEY, last_name text, birth_date date, nir text, colour text);
    CREATE TABLE lab.stay (number integer PRIMARY KEY, patient bigint REFERENCES lab.patient, diagnosis text);
    CREATE TABLE lab.insured (nir text PRIMARY KEY, last_name text, birth_date date);
    CREATE TABLE lab.reading (taken date, value integer) PARTITION BY RANGE (taken);
    CREATE TABLE lab.reading_2026 PARTITION OF lab.reading FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE TABLE lab.room (number integer PRIMARY KEY);
    GRANT USAGE ON SCHEMA lab TO app;
    GRANT ALL ON ALL TABLES IN SCHEMA lab TO app;
"""
POLICY = """
[audit]
period = "day"
ahead = 2
cover = ["archive"]
[[audit_table]]
table = "lab.reading"
truncate = true
[[audit_column]]
column = "lab.patient.colour"
record = "plain"
"""


@pytest.fixture
def clinic(new_cluster: Callable[..., Cluster]) -> Cluster:
    found = new_cluster()
    with psycopg.connect(found.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE app LOGIN")
        connection.execute("CREATE ROLE dba LOGIN CREATEROLE")
        connection.execute("CREATE DATABASE clinic OWNER dba")
    return found


def _typed(
    cluster: Cluster, folder: Path, role: str = "postgres"
) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: str, rc: int = 0) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        done = subprocess.run(
            [sys.executable, "-m", "pgguard.cli.main", *words, cluster.dsn(user=role, dbname="clinic")],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={**kept, "XDG_CONFIG_HOME": str(folder / "none")},
        )
        assert done.returncode == rc, done.stdout + done.stderr
        return done

    return run


def _execute(cluster: Cluster, text: str, role: str = "postgres") -> list[tuple[Any, ...]]:
    with psycopg.connect(cluster.dsn(user=role, dbname="clinic"), autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


def _recorded(cluster: Cluster) -> set[tuple[Any, ...]]:
    return set(
        _execute(
            cluster,
            "SELECT login, verb, relation, subject, new::text FROM pgguard_audit.change "
            "WHERE relation IS NOT NULL",
        )
    )


def test_planned_applied_used_and_taken_back_to_the_same_catalog(clinic: Cluster, tmp_path: Path) -> None:
    _execute(clinic, TABLES)
    (tmp_path / "pgguard.toml").write_text(POLICY, encoding="utf-8")
    run = _typed(clinic, tmp_path)
    target = Target(clinic.dsn(dbname="clinic"))
    before = read_snapshot(target)

    run("plan", "--audit", "-o", "plan")
    told = (tmp_path / "plan" / "plan.md").read_text(encoding="utf-8")
    assert "| clinic | lab.stay | patient | as it is |" in told
    assert "| clinic | lab.insured | nir | digest |" in told
    assert "lab.room" not in told
    # by the files alone: `pgguard apply` keeps a ledger, which stays
    up = sorted(one for one in (tmp_path / "plan").glob("0*.sql") if one.name.count(".") == 1)
    for one in up:
        _execute(clinic, one.read_text(encoding="utf-8"))
        _execute(clinic, one.with_suffix(".verify.sql").read_text(encoding="utf-8"))
    assert "There is nothing to do that SQL can do" in run("plan", "--audit").stdout
    for one in reversed(up):
        _execute(clinic, one.with_suffix(".down.sql").read_text(encoding="utf-8"))
    assert differences(before, read_snapshot(target)) == {}


def test_what_is_written_is_recorded_by_the_plan_and_the_policy(clinic: Cluster, tmp_path: Path) -> None:
    _execute(clinic, TABLES)
    (tmp_path / "pgguard.toml").write_text(POLICY, encoding="utf-8")
    run = _typed(clinic, tmp_path)
    run("plan", "--audit", "-o", "plan")
    run("apply", "plan")
    _execute(clinic, "INSERT INTO lab.patient VALUES (7, 'Dupont', '1980-01-01', '180', 'red')", "app")
    _execute(clinic, "INSERT INTO lab.stay VALUES (1, 7, 'flu')", "app")
    _execute(clinic, "INSERT INTO lab.insured VALUES ('1800175', 'Dupont', '1980-01-01')", "app")
    _execute(clinic, "TRUNCATE lab.reading", "app")
    _execute(clinic, "INSERT INTO lab.room VALUES (1)", "app")
    with pytest.raises(psycopg.Error, match="refused"):
        _execute(clinic, "TRUNCATE lab.stay", "app")
    tag = _execute(clinic, "SELECT pgguard_audit.tag('1800175')")[0][0]
    assert _recorded(clinic) == {
        ("app", "INSERT", "lab.patient", "7", '{"colour": "red"}'),
        ("app", "INSERT", "lab.stay", "7", None),
        ("app", "INSERT", "lab.insured", tag, None),
        ("app", "TRUNCATE", "lab.reading", None, None),
    }
    # what the policy takes away is planned, and nothing else
    (tmp_path / "pgguard.toml").write_text(POLICY.replace("truncate = true", ""), encoding="utf-8")
    run("plan", "--audit", "-o", "next")
    assert [one.name for one in sorted((tmp_path / "next").glob("0*_*.sql")) if one.name.count(".") == 1] == [
        "0001_audit_reading.sql"
    ]
    run("apply", "next")
    with pytest.raises(psycopg.Error, match="refused"):
        _execute(clinic, "TRUNCATE lab.reading", "app")
    # a table of a covered schema is audited from its creation on
    _execute(clinic, "CREATE TABLE archive.old (id integer PRIMARY KEY); INSERT INTO archive.old VALUES (3)")
    assert ("postgres", "INSERT", "archive.old", None, None) in _recorded(clinic)


def test_a_policy_that_asks_for_what_must_not_be_is_refused_as_a_whole(
    clinic: Cluster, tmp_path: Path
) -> None:
    _execute(clinic, TABLES)
    wrong = """
        [[audit_column]]
        column = "lab.patient.nir"
        record = "plain"
        [[audit_table]]
        table = "lab.stay"
        subject = "sick"
        [[audit_table]]
        table = "lab.nowhere"
        database = "clinic"
    """
    (tmp_path / "pgguard.toml").write_text(wrong, encoding="utf-8")
    said = _typed(clinic, tmp_path)("plan", "--audit", rc=2).stderr
    for part in ("lab.patient.nir holds sensitive data", "lab.stay has no column sick", "no lab.nowhere"):
        assert part in said


def test_without_a_superuser_it_is_planned_applied_and_goes_on_when_a_table_changes(
    clinic: Cluster, tmp_path: Path
) -> None:
    _execute(clinic, TABLES, "dba")
    run = _typed(clinic, tmp_path, "dba")
    run("plan", "--audit", "-o", "plan")
    assert "event triggers need a superuser" in (tmp_path / "plan" / "plan.md").read_text(encoding="utf-8")
    run("apply", "plan")
    run("verify", "plan")
    _execute(clinic, "INSERT INTO lab.patient VALUES (7, 'Dupont', '1980-01-01', '180', 'red')", "app")
    _execute(clinic, "ALTER TABLE lab.patient RENAME last_name TO family_name", "dba")
    _execute(clinic, "UPDATE lab.patient SET family_name = 'Martin'", "app")
    untold = _execute(
        clinic,
        "SELECT verb, login FROM pgguard_audit.change WHERE object LIKE 'rows that could not be told%'",
    )
    assert untold == [("UPDATE", "app")]
    run("verify", "plan", rc=1)
    run("plan", "--audit", "-o", "next")
    run("apply", "next")
    _execute(clinic, "UPDATE lab.patient SET family_name = 'Durand'", "app")
    changed = _execute(
        clinic, "SELECT changed FROM pgguard_audit.change WHERE verb = 'UPDATE' AND changed IS NOT NULL"
    )
    assert changed == [(["family_name"],)]
