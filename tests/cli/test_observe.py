"""`pgguard observe` as a user types it: logs and looks end in one store, and nothing is told twice."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.observe.store import ObservationStore

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hospital(new_cluster: Callable[..., Cluster]) -> Cluster:
    cluster = new_cluster(
        settings={
            "logging_collector": "on",
            "log_destination": "csvlog",
            "log_directory": "log",
            "log_filename": "server.log",
            "log_connections": "on",
            "log_disconnections": "on",
            "log_statement": "all",
        },
        hba="local all all trust\nhost all all 127.0.0.1/32 trust\n",
        listen=["127.0.0.1"],
    )
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE labo LOGIN; CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher")
    return cluster


def _where(cluster: Cluster, role: str = "watcher") -> list[str]:
    return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", role, "-d", "postgres"]


def _log(cluster: Cluster, role: str, times: int) -> Path:
    log = cluster.data_directory / "log" / "server.csv"
    deadline = time.monotonic() + 20
    while log.read_bytes().count(b"disconnection: session time") < times and time.monotonic() < deadline:
        time.sleep(0.1)
    return log


def test_a_look_and_the_log_of_the_same_session_are_one(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    store = tmp_path / "store.sqlite"
    with psycopg.connect(hospital.dsn(user="labo", host="127.0.0.1"), application_name="pgAdmin 4") as one:
        one.execute("SELECT 'patient 4711'")
        done = pgguard("observe", *_where(hospital), "--store", str(store))
        assert (done.returncode, done.stderr) == (0, "")
        assert "labo: 1 session from 1 place" in done.stdout
    log = _log(hospital, "labo", 2)
    done = pgguard("observe", "--log", str(log), "--store", str(store))
    assert (done.returncode, done.stderr) == (0, "")
    with ObservationStore(store) as kept:
        sessions = [one for one in kept.sessions() if one.role == "labo"]
        assert [(one.application, one.address, one.seen_by) for one in sessions] == [
            ("pgAdmin 4", "127.0.0.1", "log")
        ]
        assert sessions[0].ended_at
    assert b"4711" not in store.read_bytes()


def test_a_rotated_and_compressed_log_is_not_read_again(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    store = tmp_path / "store.sqlite"
    for wrong in range(3):
        with pytest.raises(psycopg.Error):
            psycopg.connect(hospital.dsn(user=f"nobody{wrong}", host="127.0.0.1"))
    log = _log(hospital, "postgres", 1)
    packed = tmp_path / "server.csv.1.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    for file in (log, packed, log):
        assert pgguard("observe", "--log", str(file), "--store", str(store)).returncode == 0
    with ObservationStore(store) as kept:
        assert sum(times for failure, times in kept.failures() if failure.role.startswith("nobody")) == 3


def test_looking_for_a_while_sees_who_comes_later(pgguard: Run, hospital: Cluster, tmp_path: Path) -> None:
    import threading

    store = tmp_path / "store.sqlite"
    finished = threading.Event()

    def visit() -> None:
        while not finished.is_set():
            with psycopg.connect(hospital.dsn(user="labo"), application_name="psql"):
                time.sleep(0.2)

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        done = pgguard("observe", *_where(hospital), "--store", str(store), "--for", "4s", "--every", "1s")
    finally:
        finished.set()
        thread.join()
    assert done.returncode == 0
    with ObservationStore(store) as kept:
        assert len([one for one in kept.sessions() if one.role == "labo"]) > 1
        (coverage,) = kept.coverages()
        assert coverage.means == "sample"


def test_who_may_not_see_others_is_told_so(pgguard: Run, hospital: Cluster, tmp_path: Path) -> None:
    done = pgguard("observe", *_where(hospital, "labo"), "--store", str(tmp_path / "s.sqlite"))
    assert done.returncode == 3
    assert "pg_monitor" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--log", "none.csv"], "cannot be read"),
        (["--for", "soon"], "a time is a number"),
        (["--log", "letter.txt"], "no server log"),
        (["--log", "letter.txt", "--timezone", "Mars/Base"], "no such time zone"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    pgguard: Run, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague,\n")
    done = pgguard("observe", *arguments, "--store", "s.sqlite")
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
