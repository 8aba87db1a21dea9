"""Whatever breaks off an encryption or its way back: running it again finishes it, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.model.encryption import EncryptedColumn
from tests.encryption.phases import KEK, Phases, planned, unlocked
from tests.server.test_apply_broken_off import _small_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

LONG = "PGGUARD_LONG" in os.environ
POINTS = 24 if LONG else 4
ROWS = 2000
SETTLED = 1500
COLUMNS = (EncryptedColumn("nir", searchable=True), EncryptedColumn("note", padding=16))

SCHEMA = f"""
CREATE SCHEMA lab;
CREATE TABLE lab.patient (
    id int PRIMARY KEY, nir text NOT NULL UNIQUE, note text, version int NOT NULL DEFAULT 0);
INSERT INTO lab.patient SELECT g, 'N' || g, CASE WHEN g % 3 > 0 THEN repeat('ü', g % 90) END
    FROM generate_series(1, {ROWS}) AS g;
ANALYZE lab.patient;
"""


@dataclass
class Writer:
    """A program that goes on writing, and knows what has to be there; of what broke off, both."""

    phases: Phases
    chance: random.Random
    rows: dict[int, set[tuple[str, str | None]]] = field(default_factory=dict)
    written: int = 0
    failures: list[str] = field(default_factory=list)
    still: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Writes until the block ends."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(60)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with contextlib.closing(unlocked(self.phases.dsn)) as connection:
                    while not self._ended.is_set():
                        with self.still:
                            self._write(connection)
                        time.sleep(0.01)
            except psycopg.errors.SerializationFailure:
                continue
            except psycopg.OperationalError:
                time.sleep(0.1)
            except psycopg.Error as error:
                self.failures.append(f"{error.sqlstate} {error}")
                time.sleep(0.1)

    def _write(self, connection: psycopg.Connection) -> None:
        key = self.chance.randint(SETTLED + 1, ROWS)
        self.written += 1
        row = (f"W{self.written}", self.chance.choice([None, f"note {self.written}"]))
        # it may be there or not when this breaks off
        self.rows[key] = {*self.rows.get(key, {_first(key)}), row}
        connection.execute(
            "UPDATE lab.patient SET nir = %s, note = %s, version = version + 1 WHERE id = %s", (*row, key)
        )
        self.rows[key] = {row}


def _first(key: int) -> tuple[str, str | None]:
    return f"N{key}", "ü" * (key % 90) if key % 3 else None


@dataclass
class Place:
    """The server, the plan in its folder, and what is known of its runs."""

    phases: Phases
    path: Path
    last: str
    seconds: list[float] = field(default_factory=list)
    left: dict[str, list[int]] = field(default_factory=dict)

    def start(self, command: str, upto: str = "") -> subprocess.Popen[str]:
        """pgguard applies everything up to the contract, or to another file, or takes it back."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        upto = upto or (self.last if command == "apply" else "0001")
        arguments = [command, str(self.path), self.phases.cluster.dsn(), "--to", upto, "--key", "env:KEY"]
        if command == "apply":
            arguments += ["--jobs", "2", "--batch", "100"]
        return subprocess.Popen(
            [sys.executable, "-m", "pgguard.cli.main", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**kept, "KEY": KEK.hex()},
        )

    def finish(self, command: str, upto: str = "") -> None:
        """Runs it to its end."""
        process = self.start(command, upto)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, (out, err)

    def measured(self) -> None:
        """A run there and back that nobody disturbs, and how long each of its files takes."""
        for command in ("apply", "rollback"):
            process = self.start(command)
            assert process.stdout is not None
            started = time.monotonic()
            for _ in process.stdout:
                self.seconds.append(time.monotonic() - started)
                started = time.monotonic()
            _, err = process.communicate()
            assert process.returncode == 0, err

    def at_some_point(self, command: str, chance: random.Random) -> tuple[subprocess.Popen[str], int]:
        """A run that is under way, and how many of its files are done: by chance, each in turn."""
        process = self.start(command)
        assert process.stdout is not None
        half = len(self.seconds) // 2
        left = self.left.setdefault(command, [])
        if not left:
            left += chance.sample(range(half), half)
        lines = left.pop()
        for _ in range(lines):
            if not process.stdout.readline():
                break
        time.sleep(chance.random() * self.seconds[lines + (half if command == "rollback" else 0)])
        return process, lines

    def stored(self) -> dict[tuple[int, str], bytes]:
        """The sealed values of the rows that nobody writes."""
        found: dict[tuple[int, str], bytes] = {}
        with unlocked(self.phases.dsn) as connection:
            for relation, column in connection.execute(
                "SELECT s.relation::text, s.stored_column FROM pgguard.encrypted_storage AS s"
                " JOIN pg_attribute AS a ON a.attrelid = s.relation AND a.attname = s.stored_column"
            ).fetchall():
                query = f"SELECT id, {column} FROM {relation} WHERE id <= {SETTLED} AND {column} IS NOT NULL"
                found |= {(key, column): value for key, value in connection.execute(query.encode())}
        return found

    def right(self, writer: Writer) -> None:
        """Every row is as it was written, and whatever is sealed opens, once, to what the row shows."""
        with writer.still, unlocked(self.phases.dsn) as connection:
            rows = connection.execute("SELECT id, nir, note FROM lab.patient").fetchall()
            wrong = [row for row in rows if row[1:] not in writer.rows.get(row[0], {_first(row[0])})]
            assert not wrong, wrong[:3]
            assert len(rows) == ROWS
            for relation, column, stored in connection.execute(
                "SELECT s.relation::text, s.column_name, s.stored_column FROM pgguard.encrypted_storage AS s"
                " JOIN pg_attribute AS a ON a.attrelid = s.relation AND a.attname = s.stored_column"
            ).fetchall():
                opened = f"pgguard.open__lab__patient__{column}(s.{stored}, id)"
                different = connection.execute(
                    f"SELECT count(*) FROM {relation} AS s JOIN lab.patient AS p USING (id)"
                    f" WHERE s.{stored} IS NOT NULL AND {opened} IS DISTINCT FROM p.{column}".encode()
                ).fetchone()
                assert different == (0,), (column, different)


def _gone(cluster: Cluster) -> None:
    """Waits until the server noticed that the client went away."""
    deadline = time.monotonic() + 60
    query = "SELECT FROM pg_stat_activity WHERE application_name = 'pgguard'"
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        while connection.execute(query).fetchall():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def _crash(cluster: Cluster) -> None:
    pid = int((cluster.data_directory / "postmaster.pid").read_text().splitlines()[0])
    # immediate shutdown (manual, 18.5)
    os.kill(pid, signal.SIGQUIT)
    cluster._process.wait(30)


@pytest.fixture
def place(new_cluster: Callable[..., Cluster], tmp_path: Path) -> Place:
    # what a crash leaves is to be what a real server would have
    cluster = new_cluster(settings={"fsync": "on", "full_page_writes": "on"})
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE broken")
    with psycopg.connect(cluster.dsn(dbname="broken"), autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    path = tmp_path / "migrations"
    phases = planned(cluster, "broken", {"lab.patient": COLUMNS}, path=path)
    phases.install()
    made = Place(phases, path, phases.of("contract")[0].name.partition("_")[0])
    made.measured()
    return made


@pytest.mark.parametrize("what", ["tool", "server"])
def test_a_run_that_was_ended_anywhere_is_finished_by_the_next(place: Place, what: str) -> None:
    seed = random.randrange(10**6)  # noqa: S311 - printed, for a second run
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311
    writer = Writer(place.phases, random.Random(seed + 1))  # noqa: S311
    points: set[tuple[str, int]] = set()
    with writer.at_work():
        for number in range(POINTS):
            command = ("apply", "rollback")[number % 2]
            process, lines = place.at_some_point(command, chance)
            points.add((command, lines))
            if what == "tool":
                process.send_signal(signal.SIGKILL)
                process.communicate()
                _gone(place.phases.cluster)
            else:
                _crash(place.phases.cluster)
                place.phases.cluster.restart()
                process.communicate(timeout=240)
            place.right(writer)
            sealed = place.stored()
            place.finish(command)
            place.right(writer)
            now = place.stored()
            if command == "apply":
                # what was sealed was not sealed a second time
                assert {key: now[key] for key in sealed} == sealed
                assert len(now) == SETTLED + sum(_first(key + 1)[1] is not None for key in range(SETTLED))
            else:
                assert not now
    assert not writer.failures, writer.failures[:3]
    print(f"{len(points)} different points, {writer.written} writes")
    assert len(points) >= min(POINTS - 1, 6)


def test_a_full_disk_stops_a_backfill_that_goes_on_when_there_is_room(place: Place) -> None:
    with _small_disk(place.phases.cluster, "base") as fill:
        # the first connection to a database writes a file there
        place.finish("apply", place.phases.of("expand")[0].name.partition("_")[0])
        free = fill()
        process = place.start("apply")
        _, err = process.communicate(timeout=240)
        assert process.returncode == 4, err
        assert "No space left on device" in err
        assert "0003_backfill_patient: " in err
        free()
        place.right(Writer(place.phases, random.Random(1)))  # noqa: S311
        place.finish("apply")
        place.right(Writer(place.phases, random.Random(1)))  # noqa: S311
