"""`pgguard apply`, `status`, `verify`, `rollback` as a user types them, on the badly run laboratory."""

from __future__ import annotations

import json
import os
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.demo.lab import Laboratory
from pgguard.plan import folder
from pgguard.server.read import read_snapshot
from tests.plan.rights import rights
from tests.server.migrating import HBA, hospital

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Snapshot

    Run = Callable[..., subprocess.CompletedProcess[str]]

_LEDGER = resources.files("pgguard").joinpath("sql/install/001_ledger.sql").read_bytes()
MAJOR = int(os.environ["PGGUARD_TEST_MAJOR"]) if "PGGUARD_TEST_MAJOR" in os.environ else None


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    with Laboratory.open(major=MAJOR) as running:
        yield running


def _databases(laboratory: Laboratory) -> list[str]:
    with psycopg.connect(laboratory.cluster.dsn()) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
        ).fetchall()
        return [name for (name,) in rows]


def _findings(pgguard: Run, dsn: str) -> set[str]:
    done = pgguard("inspect", dsn, "--format", "json")
    return {
        f"{outcome['check']} {finding['subject']['name']}"
        for outcome in json.loads(done.stdout)["outcomes"]
        for finding in outcome["findings"]
    }


# what differs from one look to the next by itself; ACLs are compared by what they grant, in `rights`
_PASSING = frozenset({"server_rows", "sessions", "archiver", "statements", "acls", "cluster_acls"})


def _sections(snapshot: Snapshot) -> dict[str, object]:
    found: dict[str, object] = {}
    for where in (snapshot, *snapshot.inspected):
        for name in where.section_types():
            if name not in _PASSING and name not in where.missing():
                found[f"{where.database} {name}"] = {_lasting(row) for row in where.rows(name)}
    return found


def _lasting(row: Any) -> Any:
    # what is made anew has another oid
    for name, blank in (("acl", ""), ("oid", 0)):
        row = row._replace(**{name: blank}) if name in row._fields else row
    return row


def test_the_laboratorys_plan_is_applied_held_and_taken_back(
    pgguard: Run, laboratory: Laboratory, tmp_path: Path
) -> None:
    dsn = laboratory.cluster.dsn(dbname="lab")
    for database in _databases(laboratory):
        with psycopg.connect(laboratory.cluster.dsn(dbname=database), autocommit=True) as connection:
            connection.execute(_LEDGER)
    before_rights = rights(laboratory.cluster, *_databases(laboratory))
    before = _sections(read_snapshot(laboratory.target))
    done = pgguard("plan", dsn, "-o", "migrations")
    assert done.returncode == 0, done.stderr
    entries = folder.read(tmp_path / "migrations").manifest.migrations
    assert len(entries) > 4
    done = pgguard("apply", "migrations", dsn, "--dry-run")
    assert "fails" not in done.stdout
    assert _sections(read_snapshot(laboratory.target)) == before
    done = pgguard("apply", "migrations", dsn)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [one.name for one in entries]
    assert "every file of the plan is applied" in done.stderr
    done = pgguard("status", "migrations", dsn, "--verify")
    assert done.returncode == 0
    assert all(re.search(r"applied +\S+Z by postgres; holds$", line) for line in done.stdout.splitlines())
    lost = [one.name for one in entries if not one.undoable]
    done = pgguard("rollback", "migrations", dsn, "--all")
    assert done.returncode == (2 if lost else 0)
    accepted = [part for name in lost for part in ("--accept-loss", name)]
    if lost:
        done = pgguard("rollback", "migrations", dsn, "--all", *accepted)
    assert done.returncode == 0, done.stderr
    after = _sections(read_snapshot(laboratory.target))
    changed = {name for name in before if before[name] != after.get(name)}
    # a key in a role's setting is kept nowhere, and does not come back
    settings = before_rights["postgres settings"]
    before_rights["postgres settings"] = [one for one in settings if "encryption_key" not in str(one)]
    assert len(settings) == len(before_rights["postgres settings"]) + 1
    assert rights(laboratory.cluster, *_databases(laboratory)) == before_rights
    assert changed == {" role_settings", "lab planner_statistics"}


def test_the_ledger_is_no_finding(pgguard: Run, laboratory: Laboratory) -> None:
    dsn = laboratory.cluster.dsn(dbname="lab")
    before = _findings(pgguard, dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_LEDGER)
    assert _findings(pgguard, dsn) == before


def test_what_stands_how_and_what_no_longer_holds(
    pgguard: Run, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    place = hospital(new_cluster(hba=HBA), tmp_path / "migrations", tables=4)
    dsn = place.cluster.dsn()
    done = pgguard("verify", "migrations", dsn)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--all looks at files that psql applied" in done.stderr
    done = pgguard("apply", "migrations", dsn, "--to", "3")
    assert done.returncode == 0
    assert "next, once its time has come: the phase prepare (--phase prepare)" in done.stderr
    with psycopg.connect(place.cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute("REVOKE SELECT ON lab.t2 FROM biologist")
    done = pgguard("verify", "migrations", dsn)
    assert done.returncode == 1
    assert done.stdout.splitlines()[:2] == ["0001_settings  holds", "0002_people  holds"]
    assert done.stdout.splitlines()[2].startswith("0003_rights_lab  does not hold: ")
    (tmp_path / "migrations" / "0004_rights_billing.sql").write_text("SELECT 1;\n")
    done = pgguard("status", "migrations", dsn, "--verify")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"0001_settings +any +applied +\S+Z by postgres; holds", lines[0])
    assert "does not hold" in lines[2]
    assert re.fullmatch(r"0004_rights_billing +billing prepare +pending +edited: .*was edited.*", lines[3])
    assert lines[4].split() == ["0005_rows", "lab", "prepare", "pending"]
    done = pgguard("apply", "migrations", dsn)
    assert done.returncode == 2
    assert "0004_rights_billing.sql was edited after the plan was made" in done.stderr
    assert "nothing was done: make a new plan" in done.stderr


def test_who_may_not_look_is_told_so(
    pgguard: Run, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    place = hospital(new_cluster(hba=HBA), tmp_path / "migrations", tables=4)
    assert pgguard("apply", "migrations", place.cluster.dsn()).returncode == 0
    as_labo = place.cluster.dsn(user="labo")
    done = pgguard("status", "migrations", as_labo)
    assert done.returncode == 3
    assert "pgguard.migration of database postgres could not be read" in done.stderr
    with psycopg.connect(place.cluster.dsn(), autocommit=True) as connection:
        connection.execute("GRANT USAGE ON SCHEMA pgguard TO labo; GRANT SELECT ON pgguard.migration TO labo")
    done = pgguard("status", "migrations", as_labo, "--verify")
    # pg_file_settings is not for everybody
    assert done.returncode == 3
    assert "unknown: permission denied" in done.stdout


def test_options_that_contradict_each_other(pgguard: Run, cluster: Cluster) -> None:
    done = pgguard("apply", "nowhere", cluster.dsn(), "--to", "3", "--phase", "prepare")
    assert done.returncode == 2
    assert "give one of --phase, --to and --only" in done.stderr
    done = pgguard("apply", "nowhere", cluster.dsn())
    assert done.returncode == 2
    assert "there is no plan in it" in done.stderr
