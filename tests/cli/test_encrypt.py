"""`pgguard plan --encrypt` from the first key to the last phase and back, as its user types it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.conftest import MAJOR

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

pytestmark = pytest.mark.skipif(MAJOR is not None and MAJOR < 14, reason="encryption needs PostgreSQL 14")

TABLE = """
    CREATE SCHEMA lab;
    CREATE ROLE biologist LOGIN;
    CREATE TABLE lab.patient (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, nir
    text UNIQUE,
        born date, phone varchar(20));
    CREATE TABLE lab.dossier (nir text);
    CREATE VIEW lab.known AS SELECT name, nir FROM lab.patient WHERE nir IS NOT NULL;
    GRANT USAGE ON SCHEMA lab TO biologist;
    GRANT SELECT ON lab.patient, lab.known TO biologist;
    INSERT INTO lab.patient (name, nir, born, phone)
    SELECT 'name ' || g, '1' || lpad(g::text, 14, '0'), date '1950-01-01' + g, '06 ' || g FROM
    generate_series(1, 500) AS g;
    INSERT INTO lab.dossier SELECT '1' || lpad(g::text, 14, '0') FROM generate_series(1, 5) AS g;
    ANALYZE;
"""
POLICY = """
[keys]
provider = "file:kek"
[[encrypt]]
column = "lab.patient.nir"
searchable = true
[[encrypt]]
column = "lab.patient.phone"
mask = "last:2"
[[encrypt_table]]
table = "lab.patient"
"""
LOGGED = (
    "2026-11-25 10:00:00.000 UTC [12] postgres@lab LOG:  statement: "
    "INSERT INTO lab.patient (name, nir) VALUES ('x', '285') ON CONFLICT (nir) DO NOTHING\n"
)
ALL = "SELECT id, name, nir, born::text, phone FROM lab.patient ORDER BY id"


@pytest.fixture
def cluster(new_cluster: Callable[..., Cluster]) -> Cluster:
    found = new_cluster()
    with psycopg.connect(found.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
    with psycopg.connect(found.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(TABLE)
    return found


@pytest.fixture
def type_in(cluster: Cluster, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    (tmp_path / "pgguard.toml").write_text(POLICY, encoding="utf-8")

    def run(*words: str, rc: int = 0) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        done = subprocess.run(
            [sys.executable, "-m", "pgguard.cli.main", *words, cluster.dsn(dbname="lab")],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**kept, "XDG_CONFIG_HOME": str(tmp_path / "none")},
        )
        assert done.returncode == rc, done.stdout + done.stderr
        return done

    return run


def _rows(cluster: Cluster, query: str, key: bytes | None = None, role: str = "") -> list[tuple[object, ...]]:
    with psycopg.connect(cluster.dsn(dbname="lab", **({"user": role} if role else {}))) as connection:
        if key is not None:
            connection.execute("SELECT pgguard.unlock(%b)", (key,))
        return connection.execute(query.encode()).fetchall()


def _drilled(cluster: Cluster, type_in: Callable[..., object], folder: Path) -> bytes:
    for command in (
        "openssl genrsa -out holder.key 3072",
        "openssl rsa -in holder.key -pubout -out holder.pem",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    type_in("keys", "escrow", "--to", "holder.pem", "-o", "copy")
    # the command that stands in the copy
    opening = next(
        line.removeprefix("opens-with: ")
        for line in (folder / "copy").read_text(encoding="utf-8").splitlines()
        if line.startswith("opens-with: ")
    )
    opened = opening.replace("FILE", "copy").replace("PRIVATE.pem", "holder.key")
    done = subprocess.run(["sh", "-c", opened], cwd=folder, check=True, capture_output=True)
    (folder / "opened").write_bytes(done.stdout)
    (folder / "opened").chmod(0o600)
    type_in("keys", "restore-drill", "--copy", "file:opened")
    return bytes.fromhex((folder / "kek").read_text(encoding="utf-8").strip())


def test_from_the_first_key_to_the_last_phase_and_back(
    cluster: Cluster, type_in: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    before = _rows(cluster, ALL)
    # a statement that would break stops the plan until somebody acknowledges it
    (tmp_path / "server.log").write_text(LOGGED, encoding="utf-8")
    plan = ("plan", "--encrypt", "-o", "enc", "--log", "server.log", "--prefix", "%m [%p] %u@%d ")
    stopped = type_in(*plan, rc=2)
    assert "on-conflict" in stopped.stderr
    assert "285" not in stopped.stderr
    policy = POLICY + 'acknowledge = ["on-conflict"]\n'
    (tmp_path / "pgguard.toml").write_text(policy, encoding="utf-8")
    type_in(*plan)
    told = (tmp_path / "enc" / "plan.md").read_text(encoding="utf-8")
    assert "on-conflict" in told
    assert "285" not in told
    # the files stop while there is no key, and then go on
    type_in("apply", "enc", "--phase", "install", "--key", "prompt", rc=2)
    type_in("keys", "init", "--generate", "kek")
    for phase in ("install", "expand", "backfill", "verify", "switch", "soak"):
        type_in("apply", "enc", "--phase", phase, "--jobs", "2")
    assert "escrow" in type_in("apply", "enc", rc=4).stderr
    key = _drilled(cluster, type_in, tmp_path)
    type_in("apply", "enc")
    type_in("apply", "enc")
    type_in("verify", "enc")
    assert _rows(cluster, ALL, key) == before
    assert _rows(cluster, ALL, key, "biologist") == before
    # views over the table read through it, and a clear value is nowhere in the table
    (known,) = _rows(cluster, "SELECT count(nir) FROM lab.known", key)
    assert known == (500,)
    (stored,) = _rows(cluster, "SELECT count(nir) + count(phone), count(nir_pgg1) FROM lab.patient_pgg1")
    assert stored == (0, 500)
    found = _rows(cluster, "SELECT name FROM pgguard.find__lab__patient__nir('100000000000007')", key)
    assert found == [("name 7",)]
    # without the key nothing
    with pytest.raises(psycopg.Error) as locked:
        _rows(cluster, ALL)
    assert locked.value.sqlstate == "PGG01"
    # a new key, and everything under it
    type_in("keys", "rotate")
    assert "500 rows" in type_in("keys", "reseal", "--jobs", "2").stdout
    assert _rows(cluster, ALL, key) == before
    # and back to what was
    type_in("rollback", "enc", "--to", "0001")
    assert _rows(cluster, ALL) == before
    (left,) = _rows(
        cluster, "SELECT count(*) FROM pg_attribute WHERE attname LIKE '%_pgg1' AND NOT attisdropped"
    )
    assert left == (0,)


def test_without_a_column_of_the_policy_those_that_are_found_are_taken(
    type_in: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "pgguard.toml").write_text('[keys]\nprovider = "file:kek"\n', encoding="utf-8")
    type_in("plan", "--encrypt", "-o", "enc")
    told = (tmp_path / "enc" / "plan.md").read_text(encoding="utf-8")
    assert "Expand lab.patient (nir)" in told
    # what cannot be is said, and no statement seen is not taken for no statement sent
    assert "lab.dossier: it has no primary key" in told
    assert "No statement of the database lab was seen" in told


def test_a_column_that_is_named_and_cannot_be_stops_the_plan(
    type_in: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "pgguard.toml").write_text('[[encrypt]]\ncolumn = "lab.dossier.nir"\n', encoding="utf-8")
    assert "no primary key" in type_in("plan", "--encrypt", "-o", "enc", rc=2).stderr
    assert not (tmp_path / "enc").exists()
