"""`python -m bench.erase`: what writers wait for while a million rows with foreign keys are erased.

A writer updates random rows of the same tables every few milliseconds: first while one DELETE a table takes
all rows, then while they are erased in batches. The longest wait of the writer and the time in all are given.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from pgguard.analysis.erasure import by_rules
from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.server.connect import Target
from pgguard.server.erase_read import cutoff, moment, read_catalog, rows, session
from pgguard.server.erase_run import Eraser
from pgguard.store.policy_file import parse

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "1h"}
EVERY = 0.003
POLICY = """
[[retention]]
table = "lab.result"
months = 12
age_column = "at"
[[retention]]
table = "lab.patient"
months = 12
age_column = "at"
"""


class Took(NamedTuple):
    """Seconds in all, and the writer's longest waits in milliseconds, with how many updates it made."""

    seconds: float
    longest: float
    second: float
    updates: int


def build(dsn: str, count: int) -> None:
    """A tenth of the rows are patients, the others their results; all are old but for every hundredth."""
    patients = count // 10
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS lab CASCADE")
        connection.execute("CREATE SCHEMA lab")
        connection.execute("CREATE TABLE lab.patient (id int PRIMARY KEY, name text, at timestamptz)")
        connection.execute(
            "CREATE TABLE lab.result (id int PRIMARY KEY, patient_id int NOT NULL REFERENCES lab.patient, "
            "value text, at timestamptz)"
        )
        old = "CASE WHEN n % 100 = 0 THEN now() ELSE '2001-01-01' END"
        connection.execute(
            f"INSERT INTO lab.patient SELECT n, 'name ' || n, {old} FROM generate_series(1, {patients}) AS n"
        )
        connection.execute(
            f"INSERT INTO lab.result SELECT n, 1 + n % {patients}, 'value ' || n, {old} "
            f"FROM generate_series(1, {count - patients}) AS n"
        )
        connection.execute("CREATE INDEX ON lab.result (patient_id)")
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def write(dsn: str, count: int, started: Event, stop: Event, answer: Any) -> None:
    """Update random rows until told to stop, and answer with how long each took."""
    chance = random.Random(1)  # noqa: S311
    waits = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        started.set()
        while not stop.is_set():
            began = time.monotonic()
            if chance.random() < 0.2:
                connection.execute(
                    "UPDATE lab.patient SET name = name WHERE id = %s", (chance.randint(1, count // 10),)
                )
            else:
                connection.execute(
                    "UPDATE lab.result SET value = value WHERE id = %s", (chance.randint(1, count * 9 // 10),)
                )
            waits.append(time.monotonic() - began)
            time.sleep(EVERY)
    answer.put([*sorted(waits)[-2:], float(len(waits))])


def beside(dsn: str, count: int, work: Any) -> Took:
    """The work while a writer writes."""
    context = multiprocessing.get_context("spawn")
    started, stop, answer = context.Event(), context.Event(), context.Queue()
    writer = context.Process(target=write, args=(dsn, count, started, stop, answer))
    writer.start()
    started.wait()
    time.sleep(0.5)
    began = time.monotonic()
    work()
    seconds = time.monotonic() - began
    time.sleep(0.2)
    stop.set()
    second, longest, updates = answer.get()
    writer.join()
    return Took(seconds, longest * 1000, second * 1000, int(updates))


def at_once(dsn: str) -> None:
    """What somebody would write by hand."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        limit = "now() - interval '12 months'"
        connection.execute(f"DELETE FROM lab.result WHERE at < {limit}")
        connection.execute(
            f"DELETE FROM lab.patient AS p WHERE at < {limit} "
            "AND NOT EXISTS (SELECT FROM lab.result AS r WHERE r.patient_id = p.id)"
        )


def in_batches(dsn: str) -> None:
    """What `pgguard erase run` does."""
    target = Target(dsn)
    chosen = parse(POLICY, "policy of the bench")
    with session(target) as connection:
        with moment(connection):
            erasure = by_rules(read_catalog(connection), chosen, cutoff(connection))
        rows(connection, "points")
        eraser = Eraser(target, connection, erasure, lambda: erasure.holds)
        for work in erasure.works:
            took = eraser.table(work)
            print(
                f"  {work.name}: {took.changed:,} rows in {took.batches:,} batches, the longest "
                f"{took.longest * 1000:.1f} ms"
            )


def main() -> None:
    """Both, one after the other, on the same rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    count = parser.parse_args().rows
    with Cluster.start(find_postgres(None), settings=SETTINGS) as cluster:
        dsn = cluster.dsn()
        told = {}
        for name, work in (("one DELETE a table", at_once), ("in batches", in_batches)):
            build(dsn, count)
            found = told[name] = beside(dsn, count, lambda work=work: work(dsn))
            with psycopg.connect(dsn) as connection:
                left = connection.execute(
                    "SELECT (SELECT count(*) FROM lab.result), (SELECT count(*) FROM lab.patient)"
                ).fetchone()
            print(
                f"{name:<20} {found.seconds:6.1f} s; the writer waited for {found.longest:8.1f} ms at most "
                f"(then {found.second:.1f} ms) in {found.updates:,} updates; left {left}"
            )
        once, ours = told.values()
        print(
            f"longest wait: {ours.longest / once.longest:.4f} of the single DELETE's; time: "
            f"{ours.seconds / once.seconds:.2f} times its"
        )


if __name__ == "__main__":
    main()
