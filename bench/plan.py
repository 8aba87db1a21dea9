"""`make bench-plan`: from shared logins to personal roles on a large cluster, beside what else there is.

Everything is measured in one run as a user's processes and told as ratios: absolute times say more about
the machine than about the program. Beside pgguard stand its own inspection, psql applying the same files,
and programs of others that make the same roles and grants (a peer that cannot be had or run is said to be).
"""

from __future__ import annotations

import argparse
import csv
import functools
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import psycopg

from bench.cluster import populate
from bench.peers import LDAP2PG, PGBEDROCK, AbsentError, Ldap2pg, Pgbedrock
from bench.process import Run, middle, pgguard, timed, told, with_server
from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.plan import folder
from pgguard.store.roster import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Peer = TypeVar("Peer")
SIZE = {"roles": 490, "tables": 5_000, "columns": 50_000, "grants": 12_500}
DESKS = 10
PEOPLE = 200
WARDS = SIZE["tables"] // 250
FUNCTIONS = ("nurses", "doctors")
GOALS = {"plan --personal-roles": 5.0, "apply": 2.0, "second plan": 3.0}


class Use(NamedTuple):
    """What a shared login does: the ward whose tables it writes, and the one whose tables it reads."""

    login: str
    writes: str
    reads: str


def uses() -> list[Use]:
    """The shared logins, one a desk."""
    return [
        Use(f"desk_{number}", f"ward_{number}", f"ward_{(number + DESKS) % WARDS}") for number in range(DESKS)
    ]


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and return 0: a benchmark informs, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.plan", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often ours is measured (default 3)")
    parser.add_argument("--major", type=int, help="of this PostgreSQL (default: the system's)")
    parser.add_argument("--no-peers", action="store_true", help="without the programs of others")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        roster = work / "roster.csv"
        _write_roster(roster)
        measured: dict[str, list[Run]] = {}
        spec = work / "pgbedrock.yml"
        with _hospital(options.major) as cluster:
            bedrock = None if options.no_peers else _had(PGBEDROCK, lambda: Pgbedrock(work / "pgbedrock"))
            for number in range(options.rounds):
                _round(cluster, work, roster, measured, bedrock if number == 0 else None, spec)
        _tell(measured)
        print("  pg_permissions, an extension of SQL, is in no package of PyPI: it is not measured")
        if bedrock is not None:
            _pgbedrock(bedrock, options.major, spec, measured)
        if not options.no_peers:
            _ldap2pg(options.major, work, measured)
    return 0


@contextmanager
def _hospital(major: int | None) -> Iterator[Cluster]:
    settings = {"shared_buffers": "256MB", "max_locks_per_transaction": "512", "max_wal_size": "1GB"}
    with Cluster.start(find_postgres(major), settings=settings) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            populate(connection, **SIZE)
            for one in uses():
                for statement in _desk(one):
                    connection.execute(statement.encode())
            connection.execute("VACUUM ANALYZE")
        yield cluster


def _desk(use: Use) -> Iterator[str]:
    """A login that a desk shares, with its rights, as it grew over the years."""
    number = int(use.login.rpartition("_")[2])
    yield f"CREATE ROLE {use.login} LOGIN"
    yield f"GRANT group_{number}, group_{number + 20} TO {use.login}"
    yield f"ALTER ROLE {use.login} SET search_path = {use.writes}, {use.reads}"
    yield f"ALTER ROLE {use.login} SET statement_timeout = '5min'"
    yield f"GRANT USAGE ON SCHEMA {use.writes}, {use.reads} TO {use.login}"
    yield f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {use.writes} TO {use.login}"
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {use.reads} TO {use.login}"
    future = f"ALTER DEFAULT PRIVILEGES IN SCHEMA {use.writes} GRANT SELECT, INSERT, UPDATE ON TABLES"
    yield f"{future} TO {use.login}"


def _write_roster(path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number in range(PEOPLE):
            desk = number % DESKS
            function = f"{FUNCTIONS[number // DESKS % 2]}_{desk}"
            rows.writerow([f"Person {number}", f"p.{number}", "", function, f"desk_{desk}", ""])


def _round(
    cluster: Cluster,
    work: Path,
    roster: Path,
    measured: dict[str, list[Run]],
    bedrock: Pgbedrock | None,
    spec: Path,
) -> None:
    target = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres", "-d", "postgres"]
    findings, personal, second = (work / name for name in ("findings", "personal", "second"))

    def ours(name: str, *arguments: str | Path) -> None:
        run = with_server(cluster, lambda: pgguard(*map(str, arguments)))
        measured.setdefault(name, []).append(run)

    ours("inspect", "inspect", *target)
    ours("plan", "plan", *target, "-o", findings)
    ours("plan --personal-roles", "plan", *target, "--personal-roles", roster, "-o", personal)
    ours("apply", "apply", personal, *target)
    _same_rights(cluster)
    ours("apply, later phases", "apply", personal, *target, "--all")
    ours("second plan", "plan", *target, "--personal-roles", roster, "-o", second)
    left = folder.read(second).manifest.migrations
    if any(one.phase != "watch" for one in left):
        msg = f"the second plan is not empty: {', '.join(one.name for one in left)}"
        raise RuntimeError(msg)
    if bedrock is not None:
        try:
            measured["pgbedrock generate"] = [with_server(cluster, lambda: bedrock.generate(cluster, spec))]
        except AbsentError as error:
            print(f"pgbedrock could not be measured: {error}")
    ours("rollback", "rollback", personal, *target, "--all")
    _psql(cluster, "VACUUM")
    files = folder.read(personal).manifest.migrations
    names = [one.name for one in files]
    for name, some in (
        ("psql, files of apply", [one for one in files if one.phase == "prepare"]),
        ("psql, of later phases", [one for one in files if one.phase != "prepare"]),
    ):
        up = [personal / f"{one.name}{kind}.sql" for one in some for kind in ("", ".verify")]
        run = with_server(cluster, functools.partial(_files, cluster, up))
        measured.setdefault(name, []).append(run)
    _files(cluster, [personal / f"{name}.down.sql" for name in reversed(names)])
    _psql(cluster, "VACUUM")
    if "statements" not in measured:
        _describe(personal, names)
        measured["statements"] = []
    for one in (findings, personal, second):
        shutil.rmtree(one)


def _describe(personal: Path, names: Sequence[str]) -> None:
    size = sum((personal / f"{name}.sql").stat().st_size for name in names)
    with (personal / "plan.md").open(encoding="utf-8") as file:
        lines = sum(1 for _ in file)
    statements = sum(
        line.startswith(("GRANT", "REVOKE", "ALTER", "    GRANT", "    REVOKE", "    CREATE ROLE"))
        for name in names
        for line in (personal / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    )
    print(
        f"{SIZE['roles'] + DESKS} roles, {SIZE['tables']:,} tables, {SIZE['grants']:,} grants to groups; "
        f"{PEOPLE} people in place of {DESKS} shared logins: {len(names)} files, {statements:,} statements, "
        f"{size / 1e6:.1f} MB, plan.md of {lines:,} lines"
    )


def _tell(measured: dict[str, list[Run]]) -> None:
    look = middle(measured["inspect"])
    for name, runs in measured.items():
        if not runs or name.startswith("pgbedrock"):
            continue
        goal = f"  (goal: under {GOALS[name]:.0f} s)" if name in GOALS else ""
        print(f"  {name:<24} {told(runs)}  {middle(runs) / look:5.2f} x inspect{goal}")
    for ours, floor in (("apply", "psql, files of apply"), ("apply, later phases", "psql, of later phases")):
        ratio = middle(measured[ours]) / middle(measured[floor])
        print(f"  {ours}: {ratio:.2f} x as long as psql with the same files")


def _pgbedrock(bedrock: Pgbedrock, major: int | None, spec: Path, measured: dict[str, list[Run]]) -> None:
    if "pgbedrock generate" not in measured:
        return
    _beside("pgbedrock generate", measured["pgbedrock generate"], measured, "plan --personal-roles")
    try:
        with _hospital(major) as cluster:
            live = with_server(cluster, lambda: bedrock.configure(cluster, spec, live=True))
            _same_rights(cluster)
            _beside("pgbedrock configure", [live], measured, "apply")
            again = with_server(cluster, lambda: bedrock.configure(cluster, spec, live=False))
            _beside("pgbedrock, once more", [again], measured, "second plan")
    except AbsentError as error:
        print(f"pgbedrock could not be measured further: {error}")


def _ldap2pg(major: int | None, work: Path, measured: dict[str, list[Run]]) -> None:
    peer = _had(LDAP2PG, lambda: Ldap2pg(work / "ldap2pg"))
    if peer is None:
        return
    print("  ldap2pg grants on all tables of a schema in one statement, and asserts and undoes nothing")
    if peer.note:
        print(f"  ldap2pg: {peer.note}")
    config = work / "ldap2pg.yml"
    config.write_text(_ldap2pg_config(), encoding="utf-8")
    try:
        with _hospital(major) as cluster:
            for name, counterpart in (
                ("ldap2pg, first apply", "apply"),
                ("ldap2pg, once more", "second plan"),
            ):
                run = with_server(cluster, lambda: peer.apply(cluster, config))
                _same_rights(cluster)
                _beside(name, [run], measured, counterpart)
    except AbsentError as error:
        print(f"ldap2pg could not be measured: {error}")


def _same_rights(cluster: Cluster) -> None:
    """Raises `AbsentError` when some person cannot do with some table what the shared login could."""
    desk = uses()[0]
    with psycopg.connect(cluster.dsn()) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_tables AS t, "
            "(SELECT rolname FROM pg_roles WHERE rolname ~ '^p[.][0-9]*0$') AS r, "
            "unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS privilege, "
            "LATERAL (SELECT format('%%I.%%I', t.schemaname, t.tablename) AS name) AS n "
            "WHERE t.schemaname IN (%s, %s) AND has_table_privilege(%s, n.name, privilege) "
            "AND NOT has_table_privilege(r.rolname, n.name, privilege)",
            (desk.writes, desk.reads, desk.login),
        ).fetchone()
        people = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'p.%'").fetchone()
    if row != (0,) or people != (PEOPLE,):
        msg = f"it made other rights: {people} people, {row} rights are lacking"
        raise AbsentError(msg)


def _ldap2pg_config() -> str:
    """The same roles and grants, as far as its file can say them: tables are granted by schema."""
    lines = [
        "version: 5",
        "postgres:",
        "  managed_roles_query: |",
        "    SELECT rolname FROM pg_roles WHERE rolname ~ '^(nurses_|doctors_|p\\.)'",
        "  databases_query: [postgres]",
        "privileges:",
        "  write: [__usage_on_schemas__, __select_on_tables__, __insert_on_tables__, __update_on_tables__]",
        "  look: [__usage_on_schemas__, __select_on_all_tables__]",
        "sync_map:",
    ]
    for one in uses():
        number = int(one.login.rpartition("_")[2])
        for function in FUNCTIONS:
            role = f"{function}_{number}"
            lines += [
                f"- role: {{name: {role}, options: NOLOGIN}}",
                f"- grant: {{privilege: write, role: {role}, schema: {one.writes}}}",
                f"- grant: {{privilege: look, role: {role}, schema: {one.reads}}}",
            ]
    for number in range(PEOPLE):
        function = f"{FUNCTIONS[number // DESKS % 2]}_{number % DESKS}"
        lines.append(f"- role: {{name: p.{number}, options: LOGIN, parent: [{function}]}}")
    return "\n".join(lines) + "\n"


def _beside(name: str, runs: Sequence[Run], measured: dict[str, list[Run]], counterpart: str) -> None:
    ours = middle(measured[counterpart])
    print(f"  {name:<24} {told(runs)}  {middle(runs) / ours:5.2f} x pgguard's {counterpart}")


def _had(name: str, make: Callable[[], Peer]) -> Peer | None:
    try:
        return make()
    except AbsentError as error:
        print(f"{name} could not be had: {error}")
        return None


def _files(cluster: Cluster, files: Sequence[Path]) -> Run:
    return timed([*_client(cluster), *(word for file in files for word in ("-f", str(file)))])


def _psql(cluster: Cluster, statement: str) -> None:
    timed([*_client(cluster), "-c", statement])


def _client(cluster: Cluster) -> list[str]:
    psql = str(cluster.postgres.psql or "psql")
    place = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres", "-d", "postgres"]
    return [psql, "-qXAt", "-v", "ON_ERROR_STOP=1", *place]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
