"""Whatever breaks off a run: the old state, the new one, or one that running it again finishes."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ApplyStopped, ConnectError
from pgguard.plan.standing import Choice
from pgguard.server import apply as server
from pgguard.server.connect import Target
from pgguard.server.holding import standings
from tests.server.migrating import HBA, Hospital, hospital

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

KILLS = 24
CRASHES = 6


@pytest.fixture
def place(new_cluster: Callable[..., Cluster], tmp_path: Path) -> Hospital:
    return hospital(new_cluster(hba=HBA, listen=["127.0.0.1"]), tmp_path / "migrations")


def _quiet(_: object) -> None:
    pass


def _finish(place: Hospital, command: str) -> None:
    done = place.run(command, "--all")
    assert done.returncode == 0, done.stderr
    assert all(place.there(one) == {command == "apply"} for one in place.files)
    place.consistent()


def _at_some_point(place: Hospital, command: str, chance: random.Random) -> subprocess.Popen[str]:
    """A run that is under way: it told of some of its files, and works on the next."""
    process = place.start(command, "--all")
    assert process.stdout is not None
    lines = chance.randrange(len(place.files))
    for _ in range(lines):
        process.stdout.readline()
    # before the first file it starts, connects and looks
    time.sleep(chance.random() * (0.05 if lines else 1))
    return process


def _gone(place: Hospital) -> None:
    """Waits until the server noticed that the client went away."""
    deadline = time.monotonic() + 60
    with psycopg.connect(place.cluster.dsn(), autocommit=True) as connection:
        while connection.execute(
            "SELECT FROM pg_stat_activity WHERE application_name = 'pgguard'"
        ).fetchall():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_killed_run_is_finished_by_the_next(place: Hospital) -> None:
    chance = random.Random(20261125)  # noqa: S311 - points in time, the same for every run
    files_there: set[int] = set()
    for number in range(KILLS):
        command = ("apply", "rollback")[number % 2]
        process = _at_some_point(place, command, chance)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        _gone(place)
        place.consistent()
        files_there.add(sum(place.there(one) == {True} for one in place.files))
        if chance.random() < 0.3:
            _finish(place, command)
    _finish(place, command)
    # it was hit at many points, not only before and after everything
    assert len(files_there) >= 4


def test_a_server_that_crashes_comes_back_to_a_run_that_goes_on(place: Hospital) -> None:
    chance = random.Random(7)  # noqa: S311 - points in time, the same for every run
    for number in range(CRASHES):
        command = ("apply", "rollback")[number % 2]
        process = _at_some_point(place, command, chance)
        _crash(place)
        place.cluster.restart()
        _, err = process.communicate(timeout=120)
        place.consistent()
        if process.returncode != 0:
            # it was only looking yet
            assert "nothing was changed" in err or "could not connect" in err
            _finish(place, command)
        assert all(place.there(one) == {command == "apply"} for one in place.files)


def test_a_server_that_stays_away_ends_the_run_which_goes_on_later(
    place: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_RECONNECT_SECONDS", 0.5)
    told_of: list[str] = []

    def crash(done: server.Done) -> None:
        told_of.append(done.entry.name)
        _crash(place)

    with pytest.raises(ApplyStopped) as stopped:
        server.apply(place.target, place.folder, Choice(all=True), say=_quiet, tell=crash)
    told = str(stopped.value)
    assert f"applied: {told_of[0]}\n" in told
    assert "it is there whole or not at all" in told
    place.cluster.restart()
    _finish(place, "apply")


@pytest.mark.parametrize("arrives", [True, False])
def test_a_connection_lost_at_the_commit_is_settled_by_the_ledger(place: Hospital, arrives: bool) -> None:
    said: list[str] = []
    with _network(place.cluster, b"COMMIT\0", arrives=arrives) as port:
        target = Target(place.cluster.dsn(dbname="template1", host="127.0.0.1") + f" port={port}")
        done: list[server.Done] = []
        server.apply(target, place.folder, Choice(all=True), say=said.append, tell=done.append)
    notes = [one.note for one in done if one.note]
    assert notes == (["it was committed when the connection was lost"] if arrives else [])
    assert said == [f"{place.files[1].name}: the connection was lost; connecting again"]
    assert all(place.there(one) == {True} for one in place.files)
    assert place.ledger(place.files[1]) == [("apply", "applied")]


def test_an_interrupted_run_says_what_is_applied(place: Hospital) -> None:
    with psycopg.connect(place.cluster.dsn(dbname="lab")) as reader:
        reader.execute("SELECT count(*) FROM lab.t2")
        process = place.start("apply", "--all")
        assert process.stdout is not None
        for _ in range(4):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 4
    # while it told of the fourth, or in the fifth
    assert re.search(r"000[45]_\w+: interrupted\n", err), err
    assert "not applied: 0005_rows, 0006_close\n" in err
    assert "applied: 0001_settings, 0002_people, 0003_rights_lab, 0004_rights_billing\n" in err
    place.consistent()
    _finish(place, "apply")


def test_a_reader_that_went_away_does_not_end_a_run(place: Hospital) -> None:
    process = place.start("apply", "--all")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    with process:
        assert process.wait(60) == 0
    assert all(place.there(one) == {True} for one in place.files)


def test_a_file_that_is_no_transaction_is_finished_or_taken_back(place: Hospital) -> None:
    first = place.files[0]
    with psycopg.connect(place.cluster.dsn(), autocommit=True) as connection:
        connection.execute(first.step.changes[0].sql.encode())
        with psycopg.connect(place.cluster.dsn(), autocommit=True) as other:
            from importlib import resources

            other.execute(resources.files("pgguard").joinpath("sql/install/001_ledger.sql").read_bytes())
        connection.execute(
            "INSERT INTO pgguard.migration (plan, number, slug, phase, sha256, action, state) "
            "VALUES (%s, 1, 'settings', '', '', 'apply', 'started')",
            (place.folder.digest,),
        )
    assert place.there(first) == {True, False}
    assert standings(place.target, place.folder)[0].state == "broken off"
    done = place.run("rollback")
    assert done.returncode == 0, done.stderr
    assert place.there(first) == {False}
    assert standings(place.target, place.folder)[0].state == "rolled back"
    _finish(place, "apply")


@pytest.mark.parametrize("what", ["base", "pg_wal"])
def test_a_full_disk_leaves_what_running_again_finishes(
    place: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(server, "_RECONNECT_SECONDS", 2.0)
    with _small_disk(place.cluster, what) as fill:
        if what == "pg_wal":
            _to_the_last_segment(place.cluster)
        else:
            # the first connection to a database writes a file there
            standings(place.target, place.folder)
        free = fill()
        with pytest.raises((ApplyStopped, ConnectError)) as stopped:
            server.apply(place.target, place.folder, Choice(all=True), say=_quiet, tell=_quiet)
        free()
        if what == "pg_wal":
            # without room for its WAL the server had to end
            _crash(place)
            place.cluster.restart()
        else:
            assert "No space left on device" in str(stopped.value)
        place.consistent()
        _finish(place, "apply")


def _crash(place: Hospital) -> None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pid = int((place.cluster.data_directory / "postmaster.pid").read_text().splitlines()[0])
        # immediate shutdown (manual, 19.5)
        os.kill(pid, signal.SIGQUIT)
    place.cluster._process.wait(30)


@contextlib.contextmanager
def _network(cluster: Cluster, word: bytes, *, arrives: bool) -> Iterator[int]:
    """A way to the server that breaks once when the word passes: after it went on, or before."""
    listening = socket.create_server(("127.0.0.1", 0))
    broken = threading.Event()

    def pump(source: socket.socket, to: socket.socket, *, watched: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if watched and word in data and not broken.is_set():
                    broken.set()
                    # nothing comes back from now on
                    source.shutdown(socket.SHUT_RDWR)
                    if arrives:
                        to.sendall(data)
                        time.sleep(0.3)
                    break
                to.sendall(data)
        for one in (source, to):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                upstream = socket.create_connection(("127.0.0.1", cluster.port))
                held.extend((client, upstream))
                for source, to, watched in ((client, upstream, True), (upstream, client, False)):
                    threading.Thread(
                        target=pump, args=(source, to), kwargs={"watched": watched}, daemon=True
                    ).start()

    held: list[socket.socket] = []
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        for one in (listening, *held):
            one.close()


def _to_the_last_segment(cluster: Cluster) -> None:
    """Uses up the WAL segments that are there, so that soon a new one has to be made."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:

        def ask(expression: str) -> str:
            row = connection.execute(f"SELECT ({expression})::text".encode()).fetchone()
            assert row is not None
            return str(row[0])

        folder = cluster.data_directory / "pg_wal"
        current = "pg_walfile_name(pg_current_wal_insert_lsn())"
        while [one for one in folder.iterdir() if len(one.name) == 24 and one.name > ask(current)]:
            ask("pg_logical_emit_message(false, 'fill', 'x')")
            ask("pg_switch_wal()")
        size = next(one for one in folder.iterdir() if len(one.name) == 24).stat().st_size
        while size - int(ask("pg_current_wal_insert_lsn() - '0/0'")) % size > 48 * 1024:
            ask("pg_logical_emit_message(false, 'fill', repeat('x', 16000))")


@contextlib.contextmanager
def _small_disk(cluster: Cluster, what: str) -> Iterator[Callable[[], Callable[[], None]]]:
    """Puts a folder of the cluster on a small filesystem; what it gives fills that, and what this gives
    makes room again."""
    place = cluster.data_directory / what
    disk = cluster.folder / "disk"
    disk.mkdir()
    cluster._end(signal.SIGINT)
    used = int(subprocess.check_output(["du", "-sm", place], text=True).split()[0])
    size = f"size={used + 24}m"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", disk], check=False).returncode != 0:
        cluster.restart()
        pytest.skip("no filesystem can be mounted here")
    try:
        shutil.move(place, disk / what)
        place.symlink_to(disk / what)
        subprocess.run(["chown", "-R", "-h", "--reference", cluster.data_directory, disk, place], check=True)
        cluster.restart()
        ballast = disk / "ballast"

        def fill() -> Callable[[], None]:
            # the free space within the files is used up as well
            with contextlib.suppress(OSError), ballast.open("wb") as file:
                while True:
                    file.write(b"x" * 4096)
                    file.flush()
            return lambda: ballast.unlink()

        yield fill
    finally:
        cluster._end(signal.SIGINT)
        place.unlink(missing_ok=True)
        subprocess.run(["umount", disk], check=True)
