"""`python -m bench.audit_seal`: what sealing the audit store costs, and verifying it.

Writers make changes at a set pace while the store is sealed every few seconds, as `pgguard audit seal` does
it. The processor time of the sealing process and of its session at the server is given for every 5,000
changes: in per cent of one core it is what 5,000 changes a second cost. Then the store is verified.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.server.audit_seal import KEEPER, Sealer
from pgguard.server.audit_session import session
from pgguard.server.audit_verify import verify
from pgguard.server.connect import Target
from tests.audit.store import with_store

if TYPE_CHECKING:
    from collections.abc import Sequence

PER = 5000
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "1h"}
TABLE = """
    CREATE TABLE result
        (id bigint PRIMARY KEY, patient_id bigint, nir text, code text, value numeric, note text);
    SELECT pgguard_audit.audit('result', 'patient_id', '{"code": "plain", "value": "plain"}')
"""
INSERT = (
    "INSERT INTO result SELECT %(first)s + g, (%(first)s + g) %% 5000, '1850275123456', 'GLU', 5.4, "
    "'a note of some length' FROM generate_series(1, %(rows)s::int) AS g"
)


class Cost(NamedTuple):
    """Seconds of processor time over a number of changes."""

    changes: int
    backend: float
    process: float
    seconds: float

    def told(self, what: str) -> str:
        """One line."""
        share = PER / self.changes
        sealing = 1000 * share * self.backend, 1000 * share * self.process
        return (
            f"{what:<26} {self.changes:>8,} changes, {self.changes / self.seconds:>6,.0f} a second: "
            f"{sealing[0]:5.1f} ms at the server + {sealing[1]:4.1f} ms in the process for {PER:,} changes "
            f"= {sum(sealing) / 10:.2f} % of a core"
        )


def measure(dsn: str, rows: int, pace: int, seconds: float, every: float) -> Cost:
    """Seal every so many seconds while transactions of `rows` rows make `pace` changes a second."""
    first = _count(dsn)
    writer = multiprocessing.get_context("spawn").Process(
        target=_write, args=(dsn, rows, pace, seconds, first)
    )
    with session(Target(dsn), KEEPER) as connection:
        sealer = Sealer(connection)
        sealer.seal()
        pid = connection.info.backend_pid
        writer.start()
        backend, process, began = processor(pid), time.process_time(), time.monotonic()
        sealed = 0
        while writer.is_alive() or time.monotonic() - began < seconds:
            time.sleep(every)
            made = sealer.seal()
            sealed += sum(one.entries for one in made)
        writer.join()
        last = sealer.seal()
        sealed += sum(one.entries for one in last)
        return Cost(
            sealed,
            processor(pid) - backend,
            time.process_time() - process,
            time.monotonic() - began,
        )


def processor(pid: int) -> float:
    """The processor time of a process in seconds (schedstat of /proc counts nanoseconds)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _write(dsn: str, rows: int, pace: int, seconds: float, first: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        began = time.monotonic()
        done = 0
        while time.monotonic() - began < seconds:
            connection.execute(INSERT, {"first": first + done, "rows": rows})
            done += rows
            time.sleep(max(0.0, done / pace - (time.monotonic() - began)))


def _count(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row: tuple[Any, ...] | None = connection.execute("SELECT coalesce(max(id), 0) FROM result").fetchone()
        assert row is not None
        return int(row[0])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what it costs."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit_seal", description=__doc__)
    parser.add_argument("--major", type=int, default=None, help="PostgreSQL's major version")
    parser.add_argument("--pace", type=int, default=PER, help="changes a second")
    parser.add_argument("--seconds", type=float, default=20, help="how long each part writes")
    parser.add_argument("--every", type=float, default=5, help="seconds between seals")
    parser.add_argument("--before", type=int, default=500_000, help="changes that are there already")
    chosen = parser.parse_args(arguments)
    postgres = find_postgres(chosen.major)
    with Cluster.start(postgres, settings=SETTINGS) as cluster:
        dsn = with_store(cluster, "sealing")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(TABLE)
            connection.execute(INSERT, {"first": 0, "rows": chosen.before})
        print(f"PostgreSQL {postgres.version}, {os.cpu_count()} cores, {chosen.before:,} changes before")
        parts = ((1, "one row a transaction"), (10, "ten rows a transaction"), (1000, "1,000 rows"))
        for rows, what in parts:
            cost = measure(dsn, rows, chosen.pace, chosen.seconds, chosen.every)
            print(cost.told(what), flush=True)
        idle = measure_idle(dsn, chosen.every)
        print(f"nothing to seal: {1000 * idle:.1f} ms a look, {100 * idle / chosen.every:.3f} % of a core")
        began, process = time.monotonic(), time.process_time()
        found = verify(Target(dsn))
        assert found.ok
        used = time.process_time() - process
        print(
            f"verified {found.entries:,} entries under {found.last_seal:,} seals in "
            f"{time.monotonic() - began:.1f} s "
            f"({1e6 * used / found.entries:.1f} us of the process an entry), at most "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB"
        )


def measure_idle(dsn: str, every: float) -> float:
    """The processor time of a look that finds nothing, in seconds, server and process together."""
    with session(Target(dsn), KEEPER) as connection:
        sealer = Sealer(connection)
        sealer.seal()
        sealer.seal()
        pid = connection.info.backend_pid
        looks = 20
        before = processor(pid) + time.process_time()
        for _ in range(looks):
            assert not sealer.seal()
        return (processor(pid) + time.process_time() - before) / looks


if __name__ == "__main__":
    main()
