"""`pgguard roster` as a user types it: a draft that names nobody, and a check that names every mistake."""

from __future__ import annotations

import csv
import datetime
import io
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.observe.store import ObservationStore
from tests.checks.observing import observations

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hospital(new_cluster: Callable[..., Cluster]) -> Cluster:
    cluster = new_cluster(hba="local all all trust\n")
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "CREATE ROLE labo LOGIN; CREATE ROLE bact LOGIN; CREATE ROLE lis LOGIN;"
            'CREATE ROLE "c.martin" LOGIN'
        )
    return cluster


def _where(cluster: Cluster) -> list[str]:
    return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres"]


def test_the_draft_has_a_row_for_each_that_was_seen(pgguard: Run, hospital: Cluster, tmp_path: Path) -> None:
    seen = observations(
        30,
        [
            "20 labo 8-17 10.1.0.5 psql as cn=Ada by cert",
            "20 labo 8-17 10.1.0.6 psql as cn=Bob by cert",
            "20 bact 8-17 10.1.0.7 pgAdmin 4",
            "20 bact 9-18 10.1.0.8 DBeaver 24.1",
            "20 c.martin 8-17 10.1.0.9 psql",
            "25 lis 0-23 10.2.0.1 lis",
        ],
    )
    with ObservationStore(tmp_path / "store.sqlite") as store:
        store.add(seen.sessions)
        store.add_coverage(seen.coverage[0])
    done = pgguard("roster", "draft", *_where(hospital), "--observations", "store.sqlite")
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(one["replaces"], one["person"]) for one in rows] == [
        ("bact", "? 10.1.0.7 (pgAdmin 4)"),
        ("bact", "? 10.1.0.8 (DBeaver 24.1)"),
        ("labo", "? cn=Ada by cert"),
        ("labo", "? cn=Bob by cert"),
    ]
    assert {one["login"] for one in rows} == {""}


def test_without_observations_who_is_there_now(pgguard: Run, hospital: Cluster) -> None:
    with psycopg.connect(hospital.dsn(user="labo"), application_name="psql"):
        done = pgguard("roster", "draft", *_where(hospital))
    assert done.stdout.splitlines()[1:] == ["? local socket (psql),,,,labo,"]


def test_a_roster_is_checked_against_the_cluster(pgguard: Run, hospital: Cluster, tmp_path: Path) -> None:
    end = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=30)
    head = "person,login,email,function,replaces,valid_until\n"
    (tmp_path / "roster.csv").write_text(f"{head}Ada,ada,,biologist,labo,{end.isoformat()}\n")
    done = pgguard("roster", "check", "roster.csv", *_where(hospital))
    assert (done.returncode, done.stdout) == (0, "1 person in place of 1 shared login, no mistake\n")
    (tmp_path / "roster.csv").write_text(f"{head}Ada,lis,,biologist,labr,\n,x,,f,labo,\n")
    done = pgguard("roster", "check", "roster.csv", *_where(hospital))
    assert done.returncode == 2
    assert "roster.csv:2: login: there is already a role lis" in done.stderr
    assert "did you mean labo?" in done.stderr
    assert "roster.csv:3: person: say who it is" in done.stderr
