"""`make bench`: an inspection's time and memory, against what the server alone needs for the same queries.

Everything is measured in one run, in turns, and reported as ratios: absolute times say more about the
machine than about the program. The floor is psql running the same catalog queries with COPY to
/dev/null.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from bench.cluster import populate
from bench.process import middle, pgguard, timed, told
from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.demo.lab import Laboratory
from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
from pgguard.server.queries import limits, queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.process import Run

LARGE = {"roles": 2_000, "tables": 20_000, "columns": 200_000, "grants": 50_000}
RULES = 1_000
# a hospital whose findings are many: what a plan is made for
NEGLECTED = {"roles": 500, "tables": 5_000, "columns": 50_000, "grants": 12_500}


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and return 0: a benchmark informs, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the large cluster (default 1)")
    options = parser.parse_args(arguments)
    _ordinary(options.rounds)
    _large(options.rounds, options.scale)
    _questions(options.rounds, options.scale)
    _plans(options.rounds, options.scale)
    return 0


def _ordinary(rounds: int) -> None:
    with Laboratory.open() as laboratory:
        target = [
            "-h",
            str(laboratory.cluster.socket_dir),
            "-p",
            str(laboratory.cluster.port),
            "-U",
            "postgres",
        ]
        runs = [pgguard("inspect", *target) for _ in range(rounds)]
    print(f"ordinary cluster (the demo's): inspect {told(runs)} from process start to report")


def _large(rounds: int, scale: float) -> None:
    postgres = find_postgres()
    settings = {"shared_buffers": "256MB", "max_locks_per_transaction": "512"}
    with Cluster.start(postgres, settings=settings) as cluster, tempfile.TemporaryDirectory() as folder:
        size = {name: int(number * scale) for name, number in LARGE.items()}
        print("large cluster: " + ", ".join(f"{number:,} {name}" for name, number in size.items()))
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            populate(connection, **size)
            connection.execute("VACUUM ANALYZE")
        target = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres", "-d", "postgres"]
        floor_script = Path(folder) / "floor.sql"
        floor_script.write_bytes(_floor(postgres.major))
        saved = str(Path(folder) / "snapshot")
        measured: dict[str, list[Run]] = {}
        for _ in range(rounds):
            for name, measure in _measures(postgres.psql or "psql", target, floor_script, saved).items():
                measured.setdefault(name, []).append(measure())
        floor = middle(measured["floor"])
        for name, runs in measured.items():
            ratio = middle(runs) / floor
            print(f"  {name:<28} {told(runs)}  {ratio:.2f} x the floor")


def _questions(rounds: int, scale: float) -> None:
    """who-can, hba reach and escalations from saved snapshots of growing clusters."""
    print("questions, from a saved snapshot: time and memory, and the growth from one size to the next")
    before: dict[str, float] = {}
    for times in (1, 4, 16):
        size = {name: int(number * scale * times / 16) for name, number in LARGE.items()}
        rules = int(RULES * scale * times / 16)
        with tempfile.TemporaryDirectory() as folder:
            saved = str(Path(folder) / "snapshot")
            table = _save(size, rules, saved)
            asked = {
                "who-can": ["who-can", "read", table],
                "hba reach": ["hba", "reach"],
                "escalations": ["escalations"],
            }
            print(f"  {times}x: {size['roles']:,} roles, {size['tables']:,} tables, {rules:,} rules")
            for name, command in asked.items():
                runs = [pgguard(*command, "--from", saved) for _ in range(rounds)]
                seconds = middle(runs)
                growth = f"  {seconds / before[name]:.1f} x the size before" if name in before else ""
                before[name] = seconds
                print(f"    {name:<12} {told(runs)}{growth}")


def _plans(rounds: int, scale: float) -> None:
    """A plan that closes the findings, beside the inspection that it rests on; both from the server."""
    size = {name: int(number * scale) for name, number in NEGLECTED.items()}
    settings = {"shared_buffers": "256MB", "max_locks_per_transaction": "512"}
    with (
        Cluster.start(find_postgres(), settings=settings) as cluster,
        tempfile.TemporaryDirectory() as folder,
    ):
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            populate(connection, **size)
            for (schema,) in connection.execute(
                "SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname LIKE 'ward%' ORDER BY 1"
            ).fetchall():
                connection.execute(
                    f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema} TO PUBLIC".encode()
                )
                connection.execute(f"GRANT CREATE, USAGE ON SCHEMA {schema} TO PUBLIC".encode())
            connection.execute("VACUUM ANALYZE")
        target = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres"]
        inspected: list[Run] = []
        planned: list[Run] = []
        for _ in range(rounds):
            inspected.append(pgguard("inspect", *target))
            planned.append(pgguard("plan", *target, "-o", f"{folder}/plan", "--force"))
        files = len(list(Path(folder, "plan").glob("*.sql")))
    print(f"plan of {size['roles']:,} roles and {size['tables']:,} tables open to PUBLIC: {files} files")
    print(f"  {'inspect':<28} {told(inspected)}")
    print(f"  {'plan':<28} {told(planned)}  {middle(planned) / middle(inspected):.2f} x inspect")


def _save(size: dict[str, int], rules: int, saved: str) -> str:
    """Save the snapshot of a cluster of that size with that many rules; the name of one of its tables."""
    hba = "".join(("local all all trust\n", *(_rule(number) for number in range(rules))))
    settings = {"shared_buffers": "256MB", "max_locks_per_transaction": "512"}
    with Cluster.start(find_postgres(), settings=settings, hba=hba) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            populate(connection, **size)
            table = connection.execute(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
                "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT 1"
            ).fetchone()
        pgguard(
            "snapshot", "-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres", "-o", saved
        )
    assert table is not None
    return str(table[0])


def _rule(number: int) -> str:
    """Rules as grown over years: single logins, groups, everybody, from networks that overlap."""
    user = ("all", f"+group_{number % 50}", f"person_{number}", f"person_{number},person_{number + 1}")[
        number % 4
    ]
    network = f"10.{number % 200}.{number % 250}.0/{(16, 24, 24, 32)[number % 4]}"
    return f"host all {user} {network} {('scram-sha-256', 'md5', 'reject')[number % 3]}\n"


def _measures(
    psql: Path | str, target: list[str], floor_script: Path, saved: str
) -> dict[str, Callable[[], Run]]:
    return {
        "floor": lambda: timed([str(psql), "-qXAt", *target, "-f", str(floor_script)]),
        "snapshot": lambda: pgguard("snapshot", *target, "-o", saved),
        "inspect (snapshot, checks)": lambda: pgguard("inspect", *target),
        "inspect --from (checks)": lambda: pgguard("inspect", "--from", saved),
    }


def _floor(major: int) -> bytes:
    """The catalog queries, each as a COPY to nowhere, in one transaction as the inspection has it."""
    parts = [b"BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;\n", limits(major), b"\n"]
    for query in (*queries(Snapshot, major), *queries(DatabaseSnapshot, major)):
        if query.section == "statements":
            # pg_stat_statements is not installed in this cluster
            continue
        if query.text:
            parts.append(b"COPY (\n" + query.text + b"\n) TO STDOUT;\n")
    return b"".join([*parts, b"COMMIT;\n"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
