"""Sealing beside writers, crashes and a failover: no false report, and no entry that is left out.

The run beside eight writers takes some seconds; PGGUARD_LONG=1 has it take ten minutes.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ConnectError
from pgguard.server.audit_seal import Sealer, seal_for_ever, seal_once
from pgguard.server.audit_session import session
from pgguard.server.connect import Target
from tests.audit.evidence import last_anchor, value, verified, write, written_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster

LONG = os.environ.get("PGGUARD_LONG") == "1"
SECONDS = 600.0 if LONG else 6.0
WRITERS = 8
PATIENTS = 60
PASSING = ("40001", "40P01", "55P03")


class Writers:
    """Eight logins that write in all isolation levels, in orders that lock each other out, and prepare."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        self.failed: list[str] = []
        self.committed = 0

    def __enter__(self) -> Writers:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join()

    def _write(self, number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - the same ones in each run
        level = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")[number % 3]
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute("SET deadlock_timeout = '20ms'; SET lock_timeout = '2s'")
            turn = 0
            while not self._over.is_set():
                turn += 1
                try:
                    self._once(connection, chance, level, f"{number}_{turn}")
                    self.committed += 1
                except psycopg.Error as error:
                    if error.sqlstate not in PASSING:
                        self.failed.append(f"{error.sqlstate} {error}")
                    connection.execute("ROLLBACK")

    @staticmethod
    def _once(connection: psycopg.Connection, chance: random.Random, level: str, name: str) -> None:
        connection.execute(f"BEGIN ISOLATION LEVEL {level}".encode())
        for _ in range(chance.randrange(1, 5)):
            one = chance.randrange(PATIENTS) + 1
            connection.execute("UPDATE patient SET weight = weight + 1 WHERE id = %s", [one])
            if chance.random() < 0.2:
                connection.execute("SAVEPOINT a")
                connection.execute("UPDATE patient SET note = 'back' WHERE id = %s", [one])
                connection.execute("ROLLBACK TO a" if chance.random() < 0.5 else "RELEASE a")
            if chance.random() < 0.1:
                time.sleep(chance.random() / 4)
        end = chance.random()
        if end < 0.1:
            connection.execute(f"PREPARE TRANSACTION '{name}'".encode())
            time.sleep(chance.random() / 2)
            connection.execute(f"COMMIT PREPARED '{name}'".encode())
        else:
            connection.execute("COMMIT" if end < 0.9 else "ROLLBACK")


def test_no_false_report_beside_writers_of_all_kinds(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(settings={"max_prepared_transactions": "20"})
    dsn = written_store(cluster, "busy")
    until = time.monotonic() + SECONDS
    verifications = 0
    with Writers(dsn) as writers, session(Target(dsn), "pgguard_audit_keeper") as connection:
        sealer = Sealer(connection)
        while time.monotonic() < until:
            began = time.monotonic()
            sealer.seal()
            if verifications < 3 or LONG:
                found = verified(dsn)
                assert found.ok, found.bad
                verifications += 1
            time.sleep(max(0.0, 0.5 - (time.monotonic() - began)))
    assert writers.failed == []
    assert writers.committed > WRITERS
    seal_once(Target(dsn))
    found = verified(dsn)
    assert found.ok, found.bad
    with psycopg.connect(dsn) as connection:
        assert found.unsealed == 0
        assert found.entries == value(connection, "SELECT count(*) FROM pgguard_audit.entry")
        # every change has its entry
        assert value(connection, "SELECT sum(weight - id) FROM patient WHERE id <= 60") <= value(
            connection, "SELECT count(*) FROM pgguard_audit.entry WHERE verb = 'UPDATE'"
        )


def test_an_open_or_prepared_transaction_holds_seals_back_and_is_not_passed_over(
    new_cluster: Callable[..., Cluster],
) -> None:
    cluster = new_cluster(settings={"max_prepared_transactions": "20"})
    dsn = written_store(cluster, "held")
    target = Target(dsn)
    with psycopg.connect(dsn, autocommit=True) as early, psycopg.connect(dsn, autocommit=True) as late:
        early.execute("BEGIN; UPDATE patient SET weight = 0 WHERE id = 1")
        late.execute("UPDATE patient SET weight = 0 WHERE id = 2")
        seal_once(target)
        found = verified(dsn)
        assert found.ok
        assert found.unsealed == 1
        early.execute("PREPARE TRANSACTION 'kept'")
        assert seal_once(target) == []
        early.execute("COMMIT PREPARED 'kept'")
        assert sum(one.entries for one in seal_once(target)) == 2
        assert verified(dsn).ok


def test_an_entry_that_is_older_than_its_seal_by_the_clock_is_sealed(running: Cluster) -> None:
    # a transaction that began before others, and looks that leave old partitions aside
    dsn = written_store(running, "clock")
    with session(Target(dsn), "pgguard_audit_keeper") as connection, psycopg.connect(dsn) as slow:
        sealer = Sealer(connection)
        sealer.seal()
        slow.execute("UPDATE patient SET weight = 0 WHERE id = 1")
        with psycopg.connect(dsn, autocommit=True) as other:
            for number in range(4):
                write(other, 1000 * (number + 1))
                assert sealer.seal() == []
        slow.commit()
        assert sealer.seal()
    found = verified(dsn)
    assert found.ok
    assert found.unsealed == 0


def test_sealing_goes_on_after_a_crash_of_the_server(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(settings={"fsync": "on", "restart_after_crash": "on"})
    dsn = written_store(cluster, "crashed")
    anchors = [last_anchor(dsn)]
    said: list[str] = []
    sealing = seal_for_ever(Target(dsn), 0.01, said.append, pause=lambda _: time.sleep(0.05))
    for number in range(3):
        with psycopg.connect(dsn, autocommit=True) as connection:
            write(connection, 10_000 * (number + 1))
            committed = value(connection, "SELECT count(*) FROM pgguard_audit.entry")
            for _ in range(2):
                anchors += [one.anchor for one in next(sealing)]
            assert verified(dsn, anchors).unsealed == 0
            # written, and not sealed when the server dies
            write(connection, 10_000 * (number + 1) + 5000)
            after = value(connection, "SELECT count(*) FROM pgguard_audit.entry")
            pid = connection.info.backend_pid
        _kill_a_backend(dsn, pid)
        # the sealer finds its connection gone, says so, connects again and begins with the last seal
        again = next(sealing)
        assert again[-1].anchor.seal == anchors[-1].seal
        anchors += [one.anchor for one in again]
        found = verified(dsn, anchors)
        assert found.ok, found.bad
        assert found.entries + found.unsealed >= after > committed
    assert said
    assert verified(dsn, anchors).anchored == anchors[-1].seal


def _kill_a_backend(dsn: str, pid: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as victim:
        # the postmaster ends everybody and recovers from the WAL, as after a loss of power
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                victim.execute("SELECT 1")
                continue
            break
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(dsn, autocommit=True) as again:
            again.execute("SELECT 1")
            return
        time.sleep(0.05)
    msg = "the server did not come back"
    raise AssertionError(msg)


def test_a_sealer_that_is_killed_leaves_nothing_half_done(running: Cluster, tmp_path: Path) -> None:
    dsn = written_store(running, "killed")
    anchors = tmp_path / "anchors"
    command = [
        sys.executable,
        *("-m", "pgguard.cli.main", "audit", "seal", "-d", dsn, "--every", "0.02"),
        *("--anchor", f"file:{anchors}", "--anchor-every", "0"),
    ]
    chance = random.Random(1)  # noqa: S311
    for number in range(4):
        sealing = subprocess.Popen(command)
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                seals = value(connection, "SELECT max(number) FROM pgguard_audit.seal")
                deadline = time.monotonic() + 30
                turn = 0
                while value(connection, "SELECT max(number) FROM pgguard_audit.seal") < seals + 3:
                    write(connection, 10_000_000 * (number + 1) + 1000 * turn)
                    turn += 1
                    assert time.monotonic() < deadline
                time.sleep(chance.random() / 20)
        finally:
            sealing.kill()
            sealing.wait()
    from pgguard.store.audit_anchor import read

    kept, told = read(anchors)
    assert told == []
    seal_once(Target(dsn))
    found = verified(dsn, kept)
    assert found.ok, found.bad
    assert found.anchored == kept[-1].seal
    assert found.unsealed == 0


def test_two_sealers_do_no_harm(running: Cluster) -> None:
    dsn = written_store(running, "two")
    target = Target(dsn)
    with session(target, "pgguard_audit_keeper") as one, session(target, "pgguard_audit_keeper") as other:
        first, second = Sealer(one), Sealer(other)
        with psycopg.connect(dsn, autocommit=True) as connection:
            for number in range(6):
                write(connection, 1000 * (number + 1))
                threads = [threading.Thread(target=_quietly, args=(sealer,)) for sealer in (first, second)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
    seal_once(target)
    found = verified(dsn)
    assert found.ok, found.bad
    assert found.unsealed == 0


def _quietly(sealer: Sealer) -> None:
    with contextlib.suppress(psycopg.errors.UniqueViolation, psycopg.errors.DatabaseError):
        sealer.seal()


@pytest.fixture
def standby(new_cluster: Callable[..., Cluster]) -> Iterator[tuple[str, Callable[[], str]]]:
    """A primary with a store, and a function that promotes its standby and gives the standby's string."""
    primary = new_cluster(settings={"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"})
    tool = primary.postgres.bin / "pg_basebackup"
    if not tool.exists():
        pytest.skip("this PostgreSQL has no pg_basebackup")
    dsn = written_store(primary, "followed")
    folder = Path(tempfile.mkdtemp(prefix="pggs", dir=primary.folder.parent))
    folder.chmod(0o755)
    data = folder / "data"
    subprocess.run(
        [tool, "-d", primary.dsn(dbname="postgres"), "-D", data, "-X", "stream", "-c", "fast", "-R"],
        check=True,
        capture_output=True,
        env=primary.postgres.environment(),
    )
    owner = primary.data_directory.stat()
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    with (data / "postgresql.conf").open("a") as file:
        file.write(f"unix_socket_directories = '{folder}'\ntimezone = 'America/Lima'\ndatestyle = 'German'\n")
    dropped = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [primary.postgres.bin / "postgres", "-D", data],
        stdout=log,
        stderr=log,
        cwd="/",
        env=primary.postgres.environment(),
        **dropped,  # type: ignore[call-overload]
    )
    there = psycopg.conninfo.make_conninfo(dsn, host=str(folder))
    try:
        yield dsn, lambda: there
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(20)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.Error, ConnectError):
            if done():
                return
        time.sleep(0.05)
    msg = "it did not come to that"
    raise AssertionError(msg)


def test_verification_goes_on_at_a_standby_and_after_its_promotion(
    standby: tuple[str, Callable[[], str]],
) -> None:
    dsn, follow = standby
    there = follow()
    with psycopg.connect(dsn, autocommit=True) as connection:
        write(connection, 1000)
        seal_once(Target(dsn))
        write(connection, 2000)
        end = value(connection, "SELECT pg_current_wal_lsn()::text")
    anchor = last_anchor(dsn)

    def caught_up() -> bool:
        with psycopg.connect(there, autocommit=True) as connection:
            return bool(value(connection, f"SELECT pg_last_wal_replay_lsn() >= '{end}'::pg_lsn"))

    _until(caught_up)
    here, copied = verified(dsn, [anchor]), verified(there, [anchor])
    assert copied.ok
    assert (copied.head, copied.entries, copied.unsealed) == (here.head, here.entries, here.unsealed)
    with psycopg.connect(there, autocommit=True) as connection:
        assert value(connection, "SHOW TimeZone") == "America/Lima"
        connection.execute("SELECT pg_promote()")
        _until(lambda: not value(connection, "SELECT pg_is_in_recovery()"))
        write(connection, 3000)
        total = value(connection, "SELECT count(*) FROM pgguard_audit.entry")
    made = seal_once(Target(there))
    found = verified(there, [anchor, *(one.anchor for one in made)])
    assert found.ok, found.bad
    assert found.entries + found.unsealed == total


def test_seals_that_went_with_the_primary_are_told_until_somebody_gives_them_up(
    standby: tuple[str, Callable[[], str]],
    tmp_path: Path,
    pgguard: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    from pgguard.store.audit_anchor import read, send

    dsn, follow = standby
    there = follow()
    kept = tmp_path / "anchors"
    send(f"file:{kept}", last_anchor(dsn))
    _until(lambda: verified(there).ok)
    with psycopg.connect(there, autocommit=True) as connection:
        connection.execute("SELECT pg_promote()")
        _until(lambda: not value(connection, "SELECT pg_is_in_recovery()"))
        # the standby never got this one
        with psycopg.connect(dsn, autocommit=True) as lost:
            write(lost, 1000)
        (gone,) = seal_once(Target(dsn))
        send(f"file:{kept}", gone.anchor)
        assert "cut off" in verified(there, read(kept)[0]).bad[0].what
        write(connection, 2000)
    (made,) = seal_once(Target(there))
    assert made.anchor.seal == gone.anchor.seal
    assert not verified(there, read(kept)[0]).ok
    done = pgguard(
        *(
            "audit",
            "give-up",
            "--anchor",
            str(kept),
            "--from",
            str(gone.anchor.seal),
            "--reason",
            "the primary burnt",
        )
    )
    assert done.returncode == 0, done.stderr
    send(f"file:{kept}", made.anchor)
    anchors, told = read(kept)
    found = verified(there, anchors)
    assert found.ok, found.bad
    assert found.anchored == made.anchor.seal
    assert "the primary burnt" in told[0]
