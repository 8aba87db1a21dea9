"""`make bench-encrypt`: what encryption costs, as ratios of processor time within one run.

The server process's own processor time is measured (utime and stime of /proc), which says the same on a busy
machine; only waits and rates are by the clock. Beside pgg1 stands pgp_sym_encrypt as people copy it from
the web.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.model.encryption import EncryptedColumn, EncryptedTable
from pgguard.model.plan import Plan
from pgguard.plan.encryption import plan_encryption
from pgguard.plan.migration import migrations
from pgguard.plan.script import script
from pgguard.server.backfill import Throttle, run, task_of
from pgguard.server.connect import Target
from pgguard.server.shapes import read_shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.plan import Migration

Connection = psycopg.Connection[tuple[Any, ...]]
KEK = bytes(range(32))
KEYS = b"\x00\x00\x00\x07" + bytes(range(64))
TEXT = "'patient ' || lpad(g::text, 32, '0')"
TICK = os.sysconf("SC_CLK_TCK")
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "log_parameter_max_length": "0"}


class Goal(NamedTuple):
    """What is asked of a ratio: at most, or at least."""

    most: float | None = None
    least: float | None = None


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and return 0: a benchmark informs, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.encrypt", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="of the table (default 100,000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--major", type=int, help="of this PostgreSQL (default: the system's)")
    options = parser.parse_args(arguments)
    with Cluster.start(find_postgres(options.major), settings=SETTINGS) as cluster:
        with unlocked(cluster) as connection:
            _laboratory(connection, options.rows)
        files = _planned(cluster)
        for one in files:
            if one.step.phase in ("install", "expand"):
                _apply(cluster, one)
            if one.step.phase == "install":
                _keys(cluster, one.step.slug == "subject_keys_installed")
        _values(cluster, options.rounds)
        first, *others = (one for one in files if one.step.phase == "backfill")
        _backfill(cluster, options.rounds, first)
        for one in others:
            _apply(cluster, one)
        for one in files:
            if one.step.phase in ("verify", "switch", "contract"):
                _apply(cluster, one)
        _through_the_view(cluster, options.rounds)
        _persons(cluster, options.rounds)
    return 0


@contextmanager
def unlocked(cluster: Cluster) -> Iterator[Connection]:
    """A session with the key, where there is one already."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        if connection.execute("SELECT to_regclass('pgguard.kek')").fetchone() != (None,):
            connection.execute("SELECT pgguard.unlock(%b)", (KEK,))
        yield connection


def _laboratory(connection: Connection, rows: int) -> None:
    # of two tables alike one is encrypted and one stays as it is; a visit's text is not searched for
    for name in ("patient", "plain"):
        connection.execute(f"CREATE TABLE {name} (id bigint PRIMARY KEY, nir text UNIQUE, hits integer)")
        connection.execute(f"INSERT INTO {name} SELECT g, {TEXT}, 0 FROM generate_series(1, {rows}) AS g")
        connection.execute(f"VACUUM ANALYZE {name}")
    for name in ("visit", "plain_visit", "own_visit"):
        connection.execute(
            f"CREATE TABLE {name} (id bigint PRIMARY KEY, patient bigint NOT NULL, taken timestamptz, "
            "ward text, said text, state integer)"
        )
        connection.execute(f"CREATE INDEX ON {name} (patient)")
        connection.execute(f"CREATE INDEX ON {name} (ward, taken)")
        connection.execute(_visits(name, 1, rows))
        connection.execute(f"VACUUM ANALYZE {name}")


def _visits(name: str, first: int, last: int) -> str:
    return (
        f"INSERT INTO {name} (id, patient, taken, ward, said, state) SELECT g, g * 7919 % {last}, "
        f"timestamptz '2026-01-01' + g * interval '1 "
        f"minute', "
        f"'ward ' || g % 40, {TEXT}, g % 5 FROM generate_series({first}, {last}) AS g"
    )


def _planned(cluster: Cluster) -> tuple[Migration, ...]:
    patient, visit, own = read_shapes(
        Target(cluster.dsn()), "postgres", ["public.patient", "public.visit", "public.own_visit"]
    )
    major = cluster.postgres.major
    tables = [
        EncryptedTable("postgres", patient, (EncryptedColumn("nir", searchable=True),)),
        EncryptedTable("postgres", visit, (EncryptedColumn("said"),)),
        # the same, with a key for each patient
        EncryptedTable("postgres", own, (EncryptedColumn("said"),), subject="patient"),
    ]
    steps, by_hand = plan_encryption(tables, major=major)
    return migrations(Plan("bench", f"{major}.0", "", "", steps, by_hand))


def _keys(cluster: Cluster, of_persons: bool) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        if of_persons:
            for purpose in ("subject", "name"):
                connection.execute("SELECT pgguard.new_key(%b, 'subject', %s)", (KEK, purpose))
            return
        connection.execute("SELECT pgguard.new_kek(%b)", (KEK,))
        for purpose in ("data", "index"):
            connection.execute("SELECT pgguard.new_key(%b, 'main', %s)", (KEK, purpose))
        connection.execute("UPDATE pgguard.kek SET escrow_at = now(), drill_at = now()")


def _apply(cluster: Cluster, file: Migration) -> None:
    with unlocked(cluster) as connection:
        statements = script(file.up, file.name, transactional=file.step.transactional)
        for statement in ("BEGIN", *statements, "COMMIT") if file.step.transactional else statements:
            connection.execute(statement.encode())


def cpu(connection: Connection, *statements: str, rounds: int, after: str = "") -> float:
    """Processor seconds of the server process for the statements, the middle of some rounds."""
    pid = connection.info.backend_pid
    found = []
    for _ in range(rounds):
        before = _ticks(pid)
        for one in statements:
            connection.execute(one.encode())
        found.append((_ticks(pid) - before) / TICK)
        if after:
            connection.execute(after.encode())
    return max(statistics.median(found), 1 / TICK)


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _told(what: str, ratio: float, goal: Goal = Goal()) -> None:  # noqa: B008 - it is immutable
    asked = ""
    if goal.most is not None:
        asked = f"   goal at most {goal.most}: {'reached' if ratio <= goal.most else 'MISSED'}"
    if goal.least is not None:
        asked = f"   goal at least {goal.least}: {'reached' if ratio >= goal.least else 'MISSED'}"
    print(f"  {what:<72} {ratio:8.2f}{asked}")


def _values(cluster: Cluster, rounds: int) -> None:
    """One value: sealed by an UPDATE, opened by a SELECT."""
    print("a value of 40 bytes, processor time against the plain UPDATE of the same rows")
    context = "'\\x000102030405060708090a0b0c0d0e0f'::bytea || pgguard.part(int8send(id))"
    raw = f"pgguard.pgg1_seal(convert_to(nir, 'UTF8'), '\\x{KEYS.hex()}'::bytea, {context})"
    index = "pgguard.blind__public__patient__nir(nir)"
    with unlocked(cluster) as connection:
        connection.execute(
            "CREATE TABLE one AS SELECT id, nir, NULL::bytea AS sealed, NULL::bytea AS found FROM plain"
        )
        connection.execute("ALTER TABLE one ADD PRIMARY KEY (id)")

        def update(what: str) -> float:
            connection.execute("VACUUM FULL one")
            return cpu(
                connection, "BEGIN", f"UPDATE one SET {what}", "ROLLBACK", rounds=rounds, after="VACUUM one"
            )

        # a plain value of the size that the sealed one has
        plain = update("nir = nir || repeat('x', 61)")
        _told("encrypt, by the scheme's own function", update(f"sealed = {raw}") / plain, Goal(3.0))
        sealing = "sealed = pgguard.seal__public__patient__nir(nir, id)"
        _told("encrypt, through the column's function, session's key", update(sealing) / plain, Goal(3.0))
        _told(
            "encrypt and blind index, each by its function",
            update(f"{sealing}, found = {index}") / plain,
            Goal(3.5),
        )
        pgp = "sealed = pgguard_crypto.pgp_sym_encrypt(nir, 'a passphrase')"
        connection.execute("CREATE TABLE few AS SELECT * FROM one WHERE id <= 5000")
        few_plain = (
            cpu(connection, *(["UPDATE few SET nir = nir"] * 10), rounds=rounds, after="VACUUM FULL few") / 10
        )
        few_pgp = cpu(connection, f"UPDATE few SET {pgp}", rounds=rounds, after="VACUUM FULL few")
        _told("pgp_sym_encrypt with its defaults", few_pgp / few_plain)
        connection.execute(f"UPDATE one SET sealed = {raw}")
        connection.execute(
            "CREATE TABLE two AS SELECT id, pgguard.seal__public__patient__nir(nir, id) AS sealed FROM one"
        )
        keys = f"'\\x{KEYS.hex()}'::bytea"
        opened = f"SELECT count(convert_from(pgguard.pgg1_open(sealed, {keys}, {context}), 'UTF8')) FROM one"
        by_hand = cpu(connection, opened, rounds=rounds)
        accessor = cpu(
            connection, "SELECT count(pgguard.open__public__patient__nir(sealed, id)) FROM two", rounds=rounds
        )
        _told("decrypt through the accessor, against opening with the raw key", accessor / by_hand, Goal(2.5))


def _backfill(cluster: Cluster, rounds: int, file: Migration) -> None:
    print("the backfill")
    with unlocked(cluster) as connection:
        made = (
            "CREATE TABLE copy AS SELECT id, nir, hits, pgguard.seal__public__patient__nir(nir, id) AS s, "
            "pgguard.blind__public__patient__nir(nir) AS f FROM patient"
        )
        copying = cpu(connection, made, rounds=rounds, after="DROP TABLE copy")
    (task,) = (found for one in script(file.up, file.name, transactional=False) if (found := task_of(one)))
    waits: list[float] = []
    stop = threading.Event()
    writer = threading.Thread(target=_writer, args=(cluster, stop, waits))
    spent: list[int] = []

    def connect() -> psycopg.Connection[tuple[str, ...]]:
        connection = psycopg.connect(cluster.dsn(), autocommit=True)
        connection.execute("SELECT pgguard.unlock(%b)", (KEK,))
        pids.append(connection.info.backend_pid)
        before[connection.info.backend_pid] = _ticks(connection.info.backend_pid)
        return connection

    pids: list[int] = []
    before: dict[int, int] = {}
    watching = threading.Thread(target=_watched, args=(stop, pids, before, spent))
    watching.start()
    writer.start()
    rows = run(connect, task, Throttle(jobs=1))
    stop.set()
    writer.join()
    watching.join()
    with psycopg.connect(cluster.dsn()) as connection:
        ((total,),) = connection.execute("SELECT count(*) FROM patient").fetchall()
    # a second pass looks at every block once more: it belongs to the cost
    _told(
        f"processor time against an encrypting CREATE TABLE AS ({rows:,} rows)",
        sum(spent) / TICK / copying * total / max(rows, 1),
        Goal(1.5),
    )
    longest, middle = max(waits) * 1000, statistics.median(waits) * 1000
    print(
        f"  writers at 300 updates a second: longest {longest:.1f} ms (goal 20), "
        f"middle {middle:.2f} ms, by the clock"
    )


def _watched(stop: threading.Event, pids: list[int], before: dict[int, int], spent: list[int]) -> None:
    last: dict[int, int] = {}
    while not stop.wait(0.005):
        for pid in list(pids):
            try:
                last[pid] = _ticks(pid) - before[pid]
            except (FileNotFoundError, KeyError, ProcessLookupError):
                continue
    spent += last.values()


def _writer(cluster: Cluster, stop: threading.Event, waits: list[float]) -> None:
    with unlocked(cluster) as connection:
        number, due = 0, time.monotonic()
        while not stop.is_set():
            number += 1
            due += 1 / 300
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            connection.execute(
                "UPDATE patient SET hits = hits + 1 WHERE id = %s", (number * 7919 % 99_991 + 1,)
            )
            waits.append(time.monotonic() - began)


def _through_the_view(cluster: Cluster, rounds: int) -> None:
    print("the transparent view, against the table in clear")
    with unlocked(cluster) as connection:
        ((rows,),) = connection.execute("SELECT max(id) FROM plain").fetchall()
        for name in ("plain", "patient_pgg1"):
            connection.execute(f"VACUUM ANALYZE {name}")
        ids = [number * 7919 % rows + 1 for number in range(2000)]

        def rate(text: str) -> float:
            for one in ids[:200]:
                connection.execute(text.encode(), (one,), prepare=True)
            began = time.monotonic()
            for one in ids:
                connection.execute(text.encode(), (one,), prepare=True)
            return len(ids) / (time.monotonic() - began)

        def against(text: str, plain: str) -> float:
            # by turns, so that both meet the same machine
            return statistics.median(rate(text) / rate(plain) for _ in range(2 * rounds + 1))

        _told(
            "point read by key, prepared: rate by the clock",
            against(
                "SELECT id, nir, hits FROM patient WHERE id = %s",
                "SELECT id, nir, hits FROM plain WHERE id = %s",
            ),
            Goal(least=0.6),
        )
        value = "'patient ' || lpad(%s::text, 32, '0')"
        _told(
            "read by value, prepared: find__ against a plain index, rate by the clock",
            against(
                f"SELECT * FROM pgguard.find__public__patient__nir({value})",
                f"SELECT * FROM plain WHERE nir = {value}",
            ),
        )

        def change(name: str, text: str) -> float:
            return cpu(
                connection, "BEGIN", text.format(name), "ROLLBACK", rounds=rounds, after="VACUUM plain"
            )

        first, last = rows + 1, rows + 20_000
        clear = cpu(connection, "BEGIN", _visits("plain_visit", first, last), "ROLLBACK", rounds=rounds)
        for what, name in (
            ("through the view", "visit"),
            ("straight into the table that stores", "visit_pgg1"),
        ):
            spent = cpu(connection, "BEGIN", _visits(name, first, last), "ROLLBACK", rounds=rounds)
            _told(f"bulk INSERT {what}", spent / clear, Goal(4.0))
        more = (
            f"INSERT INTO {{}} (id, nir, hits) SELECT g, {TEXT}, 0 FROM generate_series({first}, {last}) AS g"
        )
        clear = change("plain", more)
        _told(
            "bulk INSERT of a unique column with a blind index, through the view",
            change("patient", more) / clear,
        )
        text = "UPDATE {} SET hits = hits + 1 WHERE id <= 20000"
        clear = change("plain", text)
        _told("bulk UPDATE of a column in clear through the view", change("patient", text) / clear)
        _told("the same straight at the table that stores", change("patient_pgg1", text) / clear)
        text = "DELETE FROM {} WHERE id <= 20000"
        _told("bulk DELETE through the view", change("patient", text) / change("plain", text))


def _persons(cluster: Cluster, rounds: int) -> None:
    print("a key for each person, against the same table under one key")
    with unlocked(cluster) as connection:
        ((rows,),) = connection.execute("SELECT max(id) FROM plain").fetchall()
        for name in ("visit_pgg1", "own_visit_pgg1"):
            connection.execute(f"VACUUM ANALYZE {name}")

        def inserted(name: str, first: int) -> float:
            return cpu(connection, "BEGIN", _visits(name, first, first + 9999), "ROLLBACK", rounds=rounds)

        # each row another person: of the visits that are there, and nobody that was seen before
        known = (
            f"{{}} (id, patient, said) SELECT id + {rows}, patient, {TEXT.replace('g::', 'id::')} FROM {{}}"
        )
        text = f"INSERT INTO {known} WHERE id <= 10000"

        def again(name: str) -> float:
            statement = text.format(name, name)
            return cpu(connection, "BEGIN", statement, "ROLLBACK", rounds=rounds)

        _told("bulk INSERT for persons who have a key", again("own_visit_pgg1") / again("visit_pgg1"))
        fresh = 10 * rows
        _told(
            "bulk INSERT, each row the first of a person",
            inserted("own_visit_pgg1", fresh) / inserted("visit_pgg1", fresh),
        )

        def read(name: str) -> float:
            query = f"SELECT count(said) FROM {name} WHERE id <= 20000"
            return cpu(connection, query, rounds=rounds)

        _told("read of a column through the view", read("own_visit") / read("visit"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
