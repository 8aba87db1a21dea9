"""`python -m bench.audit_search`: how long answers from the audit take, and what 100 million entries mean.

The store is filled by INSERT ... SELECT, a year of it, in two sizes, so that what grows with it is told from
what does not. Times are of the program's own search, by the clock, from the question to the last row; what a
hundred million would take is worked out from them openly, and said to be so.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
import time
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.model.audit_entry import Wanted
from pgguard.server.audit_index import index_past
from pgguard.server.audit_search import entries, session
from pgguard.server.connect import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

MONTHS = 12
GOAL = 100_000_000
PATIENT_ENTRIES = 20
SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "maintenance_work_mem": "256MB",
    "synchronous_commit": "off",
}
INSTALL = ("020_audit", "021_audit_code", "025_audit_search", "026_audit_sealing")
TABLES = 40
_MADE = "^entry_[0-9_]+_(login|role|authenticated|claimed|shape_at|key)$"
_PARTITION = """
DO $$
DECLARE
    first timestamp := date_trunc('month', timezone('UTC', now())) - interval '{months} months';
    part text;
BEGIN
    FOR number IN 0 .. {months} - 1 LOOP
        part := to_char(first + number * interval '1 month', '"pgguard_audit.entry_"YYYY_MM');
        EXECUTE format('CREATE TABLE %s PARTITION OF pgguard_audit.entry FOR VALUES FROM (%L) TO (%L)', part,
            to_char(first + number * interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00',
            to_char(first + (number + 1) * interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
        EXECUTE format('ALTER TABLE %s OWNER TO pgguard_audit_owner', part);
        PERFORM pgguard_audit.guard(part::regclass);
    END LOOP;
    PERFORM pgguard_audit.settle();
END $$
"""
_SHAPES = """
INSERT INTO pgguard_audit.shape (relation, columns, recorded, sealed, key, subject)
SELECT 'lab.table_' || g, ARRAY['id', 'patient_id', 'status', 'value', 'unit', 'comment', 'nir', 'at'],
    ARRAY['status', 'value', 'unit', 'at'], '{}', ARRAY['id'], 'patient_id' FROM generate_series(1, %s) AS g
"""
# most writing is the application's, for people it names; patients are met again and again
_FILL = """
INSERT INTO pgguard_audit.entry (id, at, began, xid, backend_start, pid, shape, verb, login, role,
    authenticated, client, application, claimed, changed, key, subject, old, new)
SELECT g, w.at, w.at - interval '3 ms', 1000000 + g / 3, w.at - interval '2 hours', 1000 + g %% 60,
    1 + (power(random(), 3) * {tables})::integer %% {tables},
    (ARRAY['UPDATE', 'UPDATE', 'INSERT', 'DELETE'])[1 + g %% 4], w.login, 'none', w.login,
    ('10.0.' || g %% 20 || '.' || g %% 200)::inet, 'lis',
    CASE WHEN w.login = 'lis_app' THEN 'unsigned: user' || (random() * 2000)::integer END,
    ARRAY[false, false, true, true, false, false, false, true], (g * 7)::text,
    (random() * {patients})::integer::text, ARRAY['entered', (g %% 1000)::text, NULL, w.at::text],
    ARRAY['validated', (g %% 1000 + 1)::text, NULL, w.at::text]
FROM (
    SELECT g, date_trunc('month', now()) - interval '{months} months'
            + (g::double precision / {count})
                * ((now() - date_trunc('month', now())) + interval '{months} months') AS at,
        CASE WHEN random() < 0.6 THEN 'lis_app' ELSE 'person' || (random() * 400)::integer END AS login
    FROM generate_series({first}, {last}) AS g) AS w
"""


class Asked(NamedTuple):
    """A question, and what of its cost grows with the store."""

    name: str
    wanted: Wanted


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and return 0: a benchmark informs, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit_search", description=__doc__)
    parser.add_argument(
        "--entries", type=int, default=5_000_000, help="in the larger store (default 5,000,000)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default 5)")
    parser.add_argument("--major", type=int, help="of this PostgreSQL (default: the system's)")
    options = parser.parse_args(arguments)
    for count in (options.entries // 5, options.entries):
        with Cluster.start(find_postgres(options.major), settings=SETTINGS) as cluster:
            _fill(cluster, count)
            _sizes(cluster, count)
            without = _ask(cluster, count, options.rounds, "only what writers pay for")
            _index(cluster, count)
            with_ = _ask(cluster, count, options.rounds, "with indexes on the partitions that are past")
            if count == options.entries:
                _extrapolate(count, without, with_)
    return 0


def _fill(cluster: Cluster, count: int) -> None:
    folder = resources.files("pgguard").joinpath("sql", "install")
    began = time.perf_counter()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for name in INSTALL:
            connection.execute(folder.joinpath(f"{name}.sql").read_text(encoding="utf-8").encode())
        connection.execute("CREATE ROLE auditor_dpo LOGIN IN ROLE pgguard_audit_reader")
        connection.execute(_PARTITION.format(months=MONTHS).encode())
        connection.execute(_SHAPES, (TABLES,))
        step = 500_000
        patients = max(1, count // PATIENT_ENTRIES)
        for first in range(0, count, step):
            last = min(first + step, count) - 1
            words = {"months": MONTHS, "tables": TABLES, "patients": patients, "count": count}
            connection.execute(_FILL.format(first=first, last=last, **words).replace("%%", "%").encode())
        connection.execute("VACUUM ANALYZE pgguard_audit.entry")
    seconds = time.perf_counter() - began
    print(f"\n== {count:,} entries in {MONTHS + 1} months, filled in {seconds:.0f} s", flush=True)


def _sizes(cluster: Cluster, count: int) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        heap, subject, brin = connection.execute(
            "SELECT (SELECT sum(pg_table_size(b.part)) FROM pgguard_audit.part_bounds() AS b), "
            "sum(pg_relation_size(i.indexrelid)) FILTER (WHERE c.relname ~ '_subject_idx'), "
            "sum(pg_relation_size(i.indexrelid)) FILTER (WHERE c.relname ~ 'xid_at') "
            "FROM pgguard_audit.part_bounds() AS b JOIN pg_index AS i ON i.indrelid = b.part "
            "JOIN pg_class AS c ON c.oid = i.indexrelid"
        ).fetchone() or (0, 0, 0)
    told = f"{heap / count:.0f} bytes an entry, {subject / count:.0f} of its patient's index"
    print(f"  {told}, BRIN {int(brin) >> 10} kB in all")


def _index(cluster: Cluster, count: int) -> None:
    began = time.perf_counter()
    longest = 0.0
    number = 0
    last = began
    for _ in index_past(Target(cluster.dsn())):
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
        number += 1
    seconds = time.perf_counter() - began
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        sizes = connection.execute(
            "SELECT substring(c.relname from %s), sum(pg_relation_size(c.oid))::bigint FROM pg_class AS c "
            "WHERE c.relkind = 'i' AND c.relname ~ %s GROUP BY 1 ORDER BY 1",
            (_MADE, _MADE),
        ).fetchall()
    told = ", ".join(f"{name} {size / count:.0f}" for name, size in sizes)
    print(
        f"  {number} indexes on {MONTHS} past months in {seconds:.0f} s, {seconds / count * 1e6:.1f} s a "
        f"million entries, the longest one {longest:.1f} s; bytes an entry: {told}"
    )


def _questions(count: int) -> list[Asked]:
    now = datetime.datetime.now(datetime.UTC)
    past = now - datetime.timedelta(days=200)
    hour = datetime.timedelta(hours=1)
    patients = max(1, count // PATIENT_ENTRIES)
    newest = {"newest_first": True, "limit": 100}
    return [
        Asked("patient, whole history", Wanted(subject=str(patients // 2))),
        Asked("patient that is not there", Wanted(subject="none")),
        Asked("person, newest 100", Wanted(person="person7", **newest)),  # type: ignore[arg-type]
        Asked("end user, newest 100", Wanted(person="user42", **newest)),  # type: ignore[arg-type]
        Asked("person who is not there", Wanted(person="nobody", **newest)),  # type: ignore[arg-type]
        Asked("rare table, newest 100", Wanted(table=f"lab.table_{TABLES}", **newest)),  # type: ignore[arg-type]
        Asked("row's key", Wanted(key=(str(7 * (count // 3)),), **newest)),  # type: ignore[arg-type]
        Asked("an hour, 200 days ago", Wanted(first=past, last=past + hour)),
        Asked("a person's hour then", Wanted(person="lis_app", first=past, last=past + hour)),
    ]


def _ask(cluster: Cluster, count: int, rounds: int, how: str) -> dict[str, float]:
    print(f"  {how}:")
    target = Target(cluster.dsn(user="auditor_dpo"))
    found: dict[str, float] = {}
    for one in _questions(count):
        times: list[float] = []
        number = 0
        for _ in range(rounds):
            with session(target, private=bool(one.wanted.subject)) as (connection, _place):
                began = time.perf_counter()
                number = sum(1 for _entry in entries(connection, one.wanted))
                times.append(time.perf_counter() - began)
        found[one.name] = statistics.median(times)
        print(f"    {one.name:<28} {found[one.name] * 1000:9.1f} ms  {number} entries", flush=True)
    return found


def _extrapolate(count: int, without: dict[str, float], with_: dict[str, float]) -> None:
    times = GOAL / count
    print(f"  worked out for {GOAL:,} entries in as many months, {times:.0f} x as many a month:")
    print(
        "    a patient: the same number of index descents, each at most one page deeper; as many more ms as"
    )
    print("    the patient has more entries. A window by time grows with what is in it.")
    for name in ("person who is not there", "row's key"):
        print(
            f"    {name}: every partition is read, {without[name] * times:.1f} s; with indexes on past "
            f"months the current month alone, {with_[name] * times:.1f} s"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
