"""The rotation of an index key from its first command to the last, as its user types it."""

from __future__ import annotations

import os
import re
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
    CREATE TABLE lab.patient (id int PRIMARY KEY, nir text UNIQUE);
    INSERT INTO lab.patient SELECT g, '1' || g FROM generate_series(1, 200) AS g;
    ANALYZE;
"""
POLICY = """
[keys]
provider = "file:kek"
[[encrypt]]
column = "lab.patient.nir"
searchable = true
"""


def test_an_index_key_is_rotated_and_the_old_one_destroyed(
    new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(TABLE.encode())
    (tmp_path / "pgguard.toml").write_text(POLICY, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    def type_in(*words: str, rc: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pgguard.cli.main", *words, cluster.dsn(dbname="lab")],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**kept, "XDG_CONFIG_HOME": str(tmp_path / "none")},
        )
        assert done.returncode == rc, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def keys() -> dict[str, tuple[str, str]]:
        """The index keys by their state: id and number of values."""
        status = type_in("keys", "status", rc=1 if waiting else 0)
        found = re.findall(r"^([0-9a-f]{8})\s+main\s+index\s+(\w+) .* (\d+)$", status, re.MULTILINE)
        return {state: (key, values) for key, state, values in found}

    waiting = False
    type_in("keys", "init", "--generate", "kek")
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        # as after `keys escrow` and `keys restore-drill`
        connection.execute("UPDATE pgguard.kek SET escrow_at = now(), drill_at = now()")
    type_in("plan", "--encrypt", "-o", "enc")
    type_in("apply", "enc", "--all")
    old = keys()["current"]
    assert old[1] == "200"

    waiting = True
    told = type_in("keys", "rotate", "--index", rc=1)
    assert "pgguard plan --index-keys" in told
    assert keys() == {"current": old, "next": (keys()["next"][0], "0")}
    assert "6 migrations in moving" in type_in("plan", "--index-keys", "-o", "moving")
    plan = (tmp_path / "moving" / "plan.md").read_text(encoding="utf-8")
    assert f"pgguard keys destroy --key {old[0]}" in plan
    type_in("apply", "moving", "--to", "0004")
    assert keys()["current"] == old
    assert keys()["next"][1] == "200"
    refused = type_in("keys", "destroy", "--key", old[0], rc=2)
    assert "200 values would be lost" in refused
    type_in("apply", "moving", "--all")
    type_in("verify", "moving")
    assert keys()["current"] == (old[0], "0")
    new = keys()["next"]
    assert new[1] == "200"

    waiting = False
    assert f"key {new[0]} is the index key now" in type_in("keys", "rotate", "--index")
    assert keys() == {"retired": (old[0], "0"), "current": new}
    assert old[0] in type_in("keys", "destroy", "--key", old[0])
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        kek = bytes.fromhex((tmp_path / "kek").read_text(encoding="utf-8").strip())
        connection.execute("SELECT pgguard.unlock(%b)", (kek,))
        found = connection.execute("SELECT id FROM pgguard.find__lab__patient__nir('142')")
        assert found.fetchall() == [(42,)]
    assert "no way back" in type_in("rollback", "moving", rc=4)
