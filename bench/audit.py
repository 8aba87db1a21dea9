"""`make bench-audit`: what the audit of changes costs, as ratios within one run.

The processor time of the server process is measured (schedstat of /proc, in nanoseconds), which says the same
on a busy machine, and by its side the time by the clock. Beside pgguard's triggers stand generic row triggers
with jsonb and with hstore that record the same facts about the session, and a typed mirror of the table that
records next to none of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.plan.audit.steps import install_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Connection = psycopg.Connection[tuple[Any, ...]]
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "1h"}
TABLE = """
    CREATE TABLE {name} (id bigint PRIMARY KEY, patient_id bigint NOT NULL, nir text, name text, birth date,
        phone text, code text, value numeric, unit text, flag boolean, made timestamptz, note text)
"""
VALUES = """'1850275123456', 'Jean Dupont-Martin', '1985-02-03', '0612345678', 'GLU', 5.4, 'mmol/L', true,
    now(), 'a note of some length, as people write them'"""
INSERT = "INSERT INTO {name} VALUES ($1, $2, " + VALUES + ")"
UPDATE = "UPDATE {name} SET value = value + 1, note = 'another note ' || id, flag = NOT flag WHERE id = $1"
BULK_INSERT = (
    "INSERT INTO {name} SELECT {first} + g, g % 5000, " + VALUES + " FROM generate_series(1, {rows}) AS g"
)
BULK_UPDATE = "UPDATE {name} SET value = value + 1, note = 'other ' || id WHERE id > {first}"
FACTS = """at timestamptz, began timestamptz, xid bigint, pid integer, backend_start timestamptz, login text,
    role text, client inet, application text, relation text, verb text"""
FACTS_NOW = """clock_timestamp(), now(), txid_current(), pg_backend_pid(),
        (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) AS a), session_user,
        current_setting('role'), inet_client_addr(), current_setting('application_name'),
        TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, TG_OP"""
GENERIC = """
    CREATE TABLE log_{name} (id bigserial PRIMARY KEY, {facts}, old {kind}, new {kind});
    CREATE FUNCTION log_{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public AS $$
    BEGIN
        INSERT INTO public.log_{name} (at, began, xid, pid, backend_start, login, role, client, application,
            relation, verb, old, new)
        VALUES ({now}, CASE WHEN TG_OP <> 'INSERT' THEN {make}(OLD) END,
            CASE WHEN TG_OP <> 'DELETE' THEN {make}(NEW) END);
        RETURN NULL;
    END $$;
    CREATE TRIGGER log AFTER INSERT OR UPDATE OR DELETE ON {name}
        FOR EACH ROW EXECUTE FUNCTION log_{name}();
"""
MIRROR = """
    CREATE TABLE log_{name} (at timestamptz, login text, verb text, LIKE {name});
    CREATE FUNCTION log_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO log_{name} VALUES (clock_timestamp(), session_user, TG_OP, NEW.*);
        RETURN NULL;
    END $$;
    CREATE TRIGGER log AFTER INSERT OR UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION log_{name}();
"""
PLAIN = '{"code": "plain", "value": "plain", "unit": "plain", "flag": "plain"}'
WITHOUT = "none"


class Cost(NamedTuple):
    """Microseconds of a change: of the server's processor, and by the clock."""

    processor: float
    clock: float


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and return 0: a benchmark informs, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="of a bulk statement (default 200,000)")
    parser.add_argument("--single", type=int, default=3_000, help="statements of one row (default 3,000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--major", type=int, help="of this PostgreSQL (default: the system's)")
    options = parser.parse_args(arguments)
    with (
        Cluster.start(find_postgres(options.major), settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as connection,
    ):
        names = _prepare(connection)
        print(f"PostgreSQL {cluster.postgres.version}; the least of {options.rounds} rounds")
        _measure(cluster, names, options)
        _sizes(connection)
    return 0


def _prepare(connection: Connection) -> tuple[str, ...]:
    folder = resources.files("pgguard").joinpath("sql", "install")
    for one in install_files(superuser=True):
        with connection.transaction():
            connection.execute(folder.joinpath(one).read_bytes())
    connection.execute("CREATE EXTENSION IF NOT EXISTS hstore SCHEMA pg_catalog")
    names = (WITHOUT, "marked", "plain_values", "mirror", "row_jsonb", "row_hstore")
    for name in names:
        connection.execute(TABLE.format(name=name).encode())
    audit = "SELECT pgguard_audit.audit(%s::regclass, 'patient_id', %s::jsonb)"
    connection.execute(audit, ("marked", "{}"))
    connection.execute(audit, ("plain_values", PLAIN))
    for name, kind, make in (("row_jsonb", "jsonb", "to_jsonb"), ("row_hstore", "hstore", "hstore")):
        text = GENERIC.format(name=name, kind=kind, make=make, facts=FACTS, now=FACTS_NOW)
        connection.execute(text.encode())
    connection.execute(MIRROR.format(name="mirror").encode())
    return names


def _measure(cluster: Cluster, names: Sequence[str], options: argparse.Namespace) -> None:
    found: dict[str, dict[str, list[Cost]]] = {}
    first = 0
    for _ in range(options.rounds):
        for name in names:
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                first += 10_000_000
                for what, cost in _round(connection, name, first, options):
                    found.setdefault(what, {}).setdefault(name, []).append(cost)
    for what, by_name in found.items():
        print(f"\n{what}")
        least = {
            name: Cost(min(one.processor for one in some), min(one.clock for one in some))
            for name, some in by_name.items()
        }
        base = least[WITHOUT]
        for name, cost in least.items():
            print(
                f"  {name:<14} processor {cost.processor / base.processor:5.2f}   "
                f"clock {cost.clock / base.clock:5.2f}   ({cost.processor:.1f} us of a change)"
            )


def _round(
    connection: Connection, name: str, first: int, options: argparse.Namespace
) -> list[tuple[str, Cost]]:
    cursor = psycopg.RawCursor(connection)
    insert, update = INSERT.format(name=name).encode(), UPDATE.format(name=name).encode()
    count = options.single
    warm = 100
    for number in range(warm):
        cursor.execute(insert, (first + number, number), prepare=True)
        cursor.execute(update, (first + number,), prepare=True)
    start = first + warm

    def many(statement: bytes, parameters: Callable[[int], tuple[int, ...]], *, prepare: bool) -> None:
        for number in range(count):
            cursor.execute(statement, parameters(number), prepare=prepare)

    bulk = {"first": first + 1_000_000, "rows": options.rows, "name": name}
    work: list[tuple[str, int, Callable[[], None]]] = [
        (
            "INSERT of one row, prepared",
            count,
            lambda: many(insert, lambda number: (start + number, number % 500), prepare=True),
        ),
        (
            "UPDATE of one row, prepared",
            count,
            lambda: many(update, lambda number: (start + number,), prepare=True),
        ),
        (
            "INSERT of one row, parsed each time",
            count,
            lambda: many(insert, lambda number: (start + count + number, number % 500), prepare=False),
        ),
        (
            "UPDATE of one row, parsed each time",
            count,
            lambda: many(update, lambda number: (start + number,), prepare=False),
        ),
        (
            f"INSERT of {options.rows} rows",
            options.rows,
            lambda: _run(connection, BULK_INSERT.format(**bulk)),
        ),
        (
            f"UPDATE of {options.rows} rows",
            options.rows,
            lambda: _run(connection, BULK_UPDATE.format(**bulk)),
        ),
    ]
    return [(what, _cost(connection, changes, one)) for what, changes, one in work]


def _run(connection: Connection, text: str) -> None:
    connection.execute(text.encode())


def _cost(connection: Connection, changes: int, work: Callable[[], None]) -> Cost:
    pid = connection.info.backend_pid
    before, began = _processor(pid), time.perf_counter()
    work()
    clock = (time.perf_counter() - began) * 1e6 / changes
    return Cost((_processor(pid) - before) / 1e3 / changes, clock)


def _processor(pid: int) -> int:
    """Nanoseconds that the process was on a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])


def _sizes(connection: Connection) -> None:
    """Bytes of a change in the store, with its indexes, and of those of the peers."""
    print("\nbytes of a change, with indexes")
    queries = {
        "pgguard": "SELECT sum(pg_total_relation_size(i.inhrelid)), "
        "(SELECT count(*) FROM pgguard_audit.entry) FROM pg_inherits AS i "
        "WHERE i.inhparent = 'pgguard_audit.entry'::regclass",
        **{
            name: f"SELECT pg_total_relation_size('log_{name}'), (SELECT count(*) FROM log_{name})"
            for name in ("mirror", "row_jsonb", "row_hstore")
        },
    }
    for name, query in queries.items():
        row = connection.execute(query.encode()).fetchone()
        if row is not None:
            print(f"  {name:<14} {row[0] / row[1]:.0f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
