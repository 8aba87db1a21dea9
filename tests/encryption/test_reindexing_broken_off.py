"""Whatever breaks off the move of a blind index: running it again finishes it, and searches go on."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.encryption.phases import KEK, Phases, planned, unlocked
from tests.encryption.reindexed import new_index_key, reindexing
from tests.encryption.test_broken_off import _crash, _gone
from tests.encryption.test_reindexing_under_load import BY_NAME, BY_NIR, COLUMNS, SCHEMA, UNTOUCHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

POINTS = 24 if "PGGUARD_LONG" in os.environ else 2


def _run(phases: Phases, path: Path, command: str) -> subprocess.Popen[str]:
    """pgguard applies all files, or takes all back but for the first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    words = [command, str(path), phases.cluster.dsn(), "--key", "env:KEY"]
    words += ["--all", "--jobs", "2", "--batch", "50"] if command == "apply" else ["--to", "0001"]
    return subprocess.Popen(
        [sys.executable, "-m", "pgguard.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**kept, "KEY": KEK.hex()},
    )


def _finish(phases: Phases, path: Path, command: str) -> None:
    process = _run(phases, path, command)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, (out, err)


@contextlib.contextmanager
def _at_work(dsn: str, failures: list[str]) -> Iterator[dict[int, set[str]]]:
    """A program that writes; of each row the values that it may have, one unless a write broke off."""
    ended = threading.Event()
    rows: dict[int, set[str]] = {}

    def work() -> None:
        number = 0
        while not ended.is_set():
            try:
                with closing(unlocked(dsn)) as connection:
                    while not ended.is_set():
                        number += 1
                        key = 1_000_000 + number % 50
                        rows[key] = {*rows.get(key, set()), f"W{number}"}
                        connection.execute("DELETE FROM lab.patient WHERE id = %s", (key,))
                        connection.execute(
                            "INSERT INTO lab.patient (id, nir) VALUES (%s, %s)", (key, f"W{number}")
                        )
                        rows[key] = {f"W{number}"}
                        time.sleep(0.01)
            except psycopg.OperationalError:
                time.sleep(0.1)
            except psycopg.Error as error:
                failures.append(f"{error.sqlstate} {error}")
                time.sleep(0.1)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield rows
    finally:
        ended.set()
        thread.join(60)


def _right(phases: Phases, rows: dict[int, set[str]] | None = None) -> None:
    """Rows that nobody writes are found; with `rows`, when nobody writes, so are those."""
    with unlocked(phases.dsn) as connection:
        for key in range(1, UNTOUCHED, 100):
            assert connection.execute(BY_NIR, (f"N{key}",)).fetchall() == [(key,)]
            assert connection.execute(BY_NAME, (f"NEE {key}",)).fetchall() == [(key,)]
        for key, may in (rows or {}).items():
            found = [one for nir in may for one in connection.execute(BY_NIR, (nir,)).fetchall()]
            assert found in ([(key,)], []), (key, may)
            there = connection.execute("SELECT nir FROM lab.patient WHERE id = %s", (key,)).fetchall()
            assert len(there) == len(found), (key, may)


@pytest.mark.parametrize("what", ["tool", "server"])
def test_a_run_that_was_ended_anywhere_is_finished_by_the_next(
    new_cluster: Callable[..., Cluster], tmp_path: Path, what: str
) -> None:
    cluster = new_cluster(settings={"fsync": "on", "full_page_writes": "on"})
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE broken")
    with psycopg.connect(cluster.dsn(dbname="broken"), autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    encrypting = planned(cluster, "broken", {"lab.patient": COLUMNS})
    encrypting.install()
    encrypting.up("expand", "backfill", "verify", "switch", "soak", "contract", verify=False)
    new_index_key(cluster, "broken")
    path = tmp_path / "moving"
    phases = reindexing(cluster, "broken", path=path)
    seed = random.randrange(10**6)  # noqa: S311 - printed, for a second run
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311
    started = time.monotonic()
    _finish(phases, path, "apply")
    took = time.monotonic() - started
    failures: list[str] = []
    with _at_work(phases.dsn, failures) as rows:
        for number in range(POINTS):
            command = ("rollback", "apply")[number % 2]
            process = _run(phases, path, command)
            time.sleep(took * (0.2 + 0.8 * chance.random()))
            if what == "tool":
                process.send_signal(signal.SIGKILL)
                process.communicate()
                _gone(cluster)
            else:
                _crash(cluster)
                cluster.restart()
                process.communicate(timeout=240)
            _right(phases)
            _finish(phases, path, command)
            _right(phases)
    assert not failures, failures[:3]
    _right(phases, rows)
