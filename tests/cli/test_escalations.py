"""`pgguard escalations` as a user types it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

    Run = Callable[..., subprocess.CompletedProcess[str]]

POLICY = """
[administrators]
roles = ["dba_martin"]

[[service]]
role = "standby"
owner = "IT"
purpose = "standby server"
"""


@pytest.fixture(scope="module")
def where(postgres: Postgres) -> Iterator[list[str]]:
    """How to reach a cluster where one login is a vendor's, one an administrator's, one a standby's."""
    with Cluster.start(postgres) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(
                """
                CREATE ROLE boss SUPERUSER NOLOGIN;
                CREATE ROLE dba_martin LOGIN IN ROLE boss;
                CREATE ROLE "Vendor" LOGIN IN ROLE boss;
                CREATE ROLE standby LOGIN REPLICATION;
                CREATE ROLE reader LOGIN;
                """
            )
        yield ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres"]


@pytest.fixture
def policy(tmp_path: Path) -> str:
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    return "policy.toml"


def test_paths_are_told_step_by_step_with_the_cut(pgguard: Run, where: list[str], policy: str) -> None:
    done = pgguard("escalations", *where, "--policy", policy)
    assert done.stderr == ""
    assert done.returncode == 1
    assert "1 login can become superuser" in done.stdout
    assert '1. "Vendor" can SET ROLE boss' in done.stdout
    assert 'REVOKE boss FROM "Vendor"' in done.stdout
    for name in ("dba_martin", "standby", "reader"):
        assert name not in done.stdout


def test_declared_accounts_are_shown_when_asked_for(pgguard: Run, where: list[str], policy: str) -> None:
    shown = pgguard("escalations", *where, "--policy", policy, "--all").stdout
    assert "dba_martin can SET ROLE boss" in shown
    assert "standby can copy the whole cluster" in shown


def test_json(pgguard: Run, where: list[str], policy: str) -> None:
    done = pgguard("escalations", *where, "--policy", policy, "--all", "--format", "json")
    document = json.loads(done.stdout)
    by_login = {one["login"]: one for one in document["escalations"]}
    assert set(by_login) == {"Vendor", "dba_martin", "standby"}
    assert [by_login[name]["declared"] for name in ("Vendor", "dba_martin", "standby")] == [
        False,
        True,
        True,
    ]
    step = by_login["Vendor"]["steps"][0]
    assert (step["kind"], step["from"], step["to"], step["needs"]) == ("membership", '"Vendor"', "boss", "")
    assert [one["logins"] for one in document["cut"]] == [["Vendor"]]
    assert "unknown" not in document


def test_without_a_path_it_says_so_and_ends_with_0(pgguard: Run, where: list[str], tmp_path: Path) -> None:
    (tmp_path / "all.toml").write_text(POLICY.replace('"dba_martin"', '"dba_martin", "Vendor"'))
    done = pgguard("escalations", *where, "--policy", "all.toml")
    assert "No login can make itself superuser" in done.stdout
    assert done.returncode == 0


def test_what_could_not_be_read_is_said(pgguard: Run, where: list[str], policy: str, tmp_path: Path) -> None:
    assert pgguard("snapshot", *where, "-o", "whole").returncode == 0
    lines = (tmp_path / "whole").read_text(encoding="utf-8").splitlines()
    kept: list[str] = []
    for line in lines:
        document = json.loads(line)
        if isinstance(document, dict):
            kept.append(line)
            if document.get("section") == "triggers":
                kept.append(json.dumps({"missing": "permission denied"}))
        elif '"triggers"' not in kept[-2]:
            kept.append(line)
    (tmp_path / "partial").write_text("\n".join(kept) + "\n", encoding="utf-8")
    done = pgguard("escalations", "--from", "partial", "--policy", policy)
    assert "Vendor" in done.stdout
    assert "Not known" in done.stdout
    assert "triggers of database postgres could not be read" in done.stdout
    assert done.returncode == 1
