"""However a server or a session ends: no change without its entry, and no entry without its change."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo import cluster as demo
from pgguard.demo.cluster import Cluster
from tests.audit.load import AUDIT, SCHEMA, Load, recorded, right
from tests.audit.store import with_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONG = "PGGUARD_LONG" in os.environ
TIMES = 12 if LONG else 1
SECONDS = 2.0 if LONG else 0.7
WRITERS = 6
REAL = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "deadlock_timeout": "20ms"}


@pytest.fixture
def cluster(new_cluster: Callable[..., Cluster]) -> Cluster:
    # what a crash leaves is to be what a real server would have
    made = new_cluster(settings=REAL)
    with psycopg.connect(made.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE app LOGIN; CREATE ROLE lab_owner LOGIN")
    dsn = with_store(made, "broken")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        connection.execute(AUDIT)
    return made


def _load(cluster: Cluster) -> Load:
    seed = random.randrange(10**6)  # noqa: S311 - printed, for a second run
    print(f"seed {seed}")
    return Load(cluster.dsn(user="app", dbname="broken"), seed)


def _kill_backends(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        pids = connection.execute("SELECT pid FROM pg_stat_activity WHERE usename = 'app'").fetchall()
    # one is enough: the postmaster ends the others, and starts recovery
    for (pid,) in pids[:1]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert pids


def _postmaster(cluster: Cluster, how: signal.Signals) -> None:
    pid = int((cluster.data_directory / "postmaster.pid").read_text().splitlines()[0])
    if how == signal.SIGKILL:
        children = subprocess.check_output(["ps", "-o", "pid=", "--ppid", str(pid)], text=True).split()
        for one in [pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
    else:
        os.kill(pid, how)
    cluster._process.wait(30)
    cluster.restart()


def _terminate(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")


ENDS: dict[str, Callable[[Cluster], None]] = {
    "a backend is killed": _kill_backends,
    "sessions are terminated": _terminate,
    "the server is killed": lambda one: _postmaster(one, signal.SIGKILL),
    "immediate shutdown": lambda one: _postmaster(one, signal.SIGQUIT),
    "fast shutdown": lambda one: _postmaster(one, signal.SIGINT),
}


def _right(cluster: Cluster, load: Load) -> None:
    """As `right`, once the server is there again, looked at by a superuser."""
    app, load.dsn = load.dsn, cluster.dsn(dbname="broken")
    deadline = time.monotonic() + 60
    while True:
        try:
            right(load)
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            break
    load.dsn = app


@pytest.mark.parametrize("end", list(ENDS))
def test_nothing_is_recorded_without_its_change_nor_changed_without_its_entry(
    cluster: Cluster, end: str
) -> None:
    load = _load(cluster)
    for _ in range(TIMES):
        with load.at_work(WRITERS):
            time.sleep(SECONDS)
            ENDS[end](cluster)
            time.sleep(SECONDS / 2)
        _right(cluster, load)
    print(load.transactions, dict(load.failures))
    assert load.transactions > WRITERS


def test_a_full_disk_of_the_audit_stops_changes_and_loses_none(cluster: Cluster) -> None:
    folder = cluster.folder / "audit"
    folder.mkdir()
    if (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False).returncode
        != 0
    ):
        pytest.skip("no filesystem can be mounted here")
    try:
        subprocess.run(["chown", "--reference", cluster.data_directory, folder], check=True)
        with psycopg.connect(cluster.dsn(dbname="broken"), autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE audit LOCATION '{folder}'".encode())
            parts = connection.execute(
                "SELECT c.oid::regclass::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
                " WHERE i.inhparent = 'pgguard_audit.entry'::regclass"
            ).fetchall()
            for (part,) in parts:
                connection.execute(f"ALTER TABLE {part} SET TABLESPACE audit".encode())
        load = _load(cluster)
        full = folder / "ballast"
        with load.at_work(WRITERS):
            time.sleep(SECONDS)
            with contextlib.suppress(OSError), full.open("wb") as file:
                while True:
                    file.write(b"x" * 4096)
                    file.flush()
            deadline = time.monotonic() + 60
            while "53100" not in load.failures:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        _right(cluster, load)
        before = load.transactions
        # what fails is the write, with the reason in words
        assert "No space left on device" in load.told["53100"]
        full.unlink()
        with load.at_work(WRITERS):
            time.sleep(SECONDS)
        _right(cluster, load)
        assert load.transactions > before
        with psycopg.connect(cluster.dsn(dbname="broken"), autocommit=True) as connection:
            for (part,) in parts:
                connection.execute(f"ALTER TABLE {part} SET TABLESPACE pg_default".encode())
            connection.execute("DROP TABLESPACE audit")
    finally:
        cluster._end(signal.SIGINT)
        subprocess.run(["umount", folder], check=True)


def test_a_partition_that_somebody_dropped_stops_nobody(cluster: Cluster) -> None:
    load = _load(cluster)
    with psycopg.connect(cluster.dsn(dbname="broken"), autocommit=True) as connection, load.at_work(WRITERS):
        time.sleep(SECONDS)
        lost = recorded(cluster.dsn(dbname="broken"))
        parts = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent ="
            " 'pgguard_audit.entry'::regclass"
            " AND inhrelid <> 'pgguard_audit.entry_rest'::regclass"
        ).fetchall()
        for (part,) in parts:
            connection.execute(f"DROP TABLE {part}".encode())
        time.sleep(SECONDS)
    assert not set(load.failures) - {"40001", "40P01"}, load.told
    found = recorded(cluster.dsn(dbname="broken"))
    # what stood in it is gone, and who took it is told; everything after it is there
    assert lost
    missing = load.ledger - found
    with psycopg.connect(cluster.dsn(dbname="broken"), autocommit=True) as connection:
        told = connection.execute(
            "SELECT object, login FROM pgguard_audit.entry WHERE verb = 'DROP TABLE' AND object"
            " LIKE 'table %entry_20%'"
        ).fetchall()
        assert len(told) == len(parts)
        ((there,),) = connection.execute("SELECT count(*) FROM pgguard_audit.entry_rest").fetchall()
        assert there >= found.total() > 0
    assert not found - load.ledger
    assert missing.total() < load.ledger.total()


@contextlib.contextmanager
def _standby(primary: Cluster) -> Iterator[Cluster]:
    """A physical standby that gets what is committed before its committer is told."""
    folder = Path(tempfile.mkdtemp(prefix="pggs", dir=primary.folder.parent))
    folder.chmod(0o755)
    demo._give(folder)
    data = folder / "data"
    subprocess.run(
        [
            primary.postgres.bin / "pg_basebackup",
            "-D",
            data,
            "-R",
            "-c",
            "fast",
            "-d",
            primary.dsn(application_name="next"),
        ],
        check=True,
        capture_output=True,
        env=primary.postgres.environment(),
        cwd="/",
        **demo._server_user(),
    )
    port, held = demo._reserve("")
    demo._append_settings(
        data / "postgresql.conf",
        {"port": str(port), "unix_socket_directories": str(folder), "synchronous_standby_names": ""},
    )
    process = demo._launch(primary.postgres, data, folder / "server.log")
    with Cluster(primary.postgres, folder, port, process, held) as running:
        running._wait_until_ready()
        yield running


def test_a_promoted_standby_has_what_was_committed_and_goes_on(cluster: Cluster) -> None:
    with _standby(cluster) as standby:
        cluster.set(synchronous_standby_names="*")
        cluster.reload()
        load = _load(cluster)
        with load.at_work(WRITERS):
            time.sleep(SECONDS * 2)
            pid = int((cluster.data_directory / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGQUIT)
            cluster._process.wait(30)
        with psycopg.connect(standby.dsn(), autocommit=True) as connection:
            assert connection.execute("SELECT pg_promote()").fetchone() == (True,)
        _right(standby, load)
        before = load.transactions
        load.dsn = standby.dsn(user="app", dbname="broken")
        with load.at_work(WRITERS):
            time.sleep(SECONDS)
        _right(standby, load)
        assert load.transactions > before > WRITERS
        # numbers are not given twice
        with psycopg.connect(standby.dsn(dbname="broken"), autocommit=True) as connection:
            assert connection.execute(
                "SELECT count(*) = count(DISTINCT id) FROM pgguard_audit.entry"
            ).fetchone() == (True,)
