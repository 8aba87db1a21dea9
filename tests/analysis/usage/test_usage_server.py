"""The server as oracle: with exactly the privileges learnt from its log, the same statements succeed, and
without any one of them some do not.
"""

from __future__ import annotations

import os
import random
import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.usage.grants import Privilege, fewest
from pgguard.analysis.usage.session import Session
from pgguard.analysis.usage.statements import Analyst
from pgguard.model.quote import ident
from pgguard.observe.learning import learn_from_logs
from pgguard.observe.store import ObservationStore
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from tests.analysis.usage import laboratory
from tests.analysis.usage.random_statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Snapshot

Scenario = tuple[str, ...]
SEEDS = range(40) if os.environ.get("PGGUARD_LONG") else range(3)


@pytest.fixture(scope="module")
def laboratory_server(postgres) -> Iterator[Cluster]:
    from pgguard.demo.cluster import Cluster

    settings = {
        "logging_collector": "on",
        "log_destination": "csvlog",
        "log_directory": "log",
        "log_filename": "server.log",
        "log_statement": "all",
        "log_rotation_size": "0",
    }
    with Cluster.start(postgres, settings=settings) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE lab")
        with psycopg.connect(running.dsn(dbname="lab"), autocommit=True) as connection:
            laboratory.make(connection, connection.info.server_version // 10000)
        yield running


@pytest.fixture(scope="module")
def snapshot(laboratory_server: Cluster) -> Snapshot:
    return read_snapshot(Target.from_options(laboratory_server.dsn(dbname="lab")), ["lab"])


class Oracle:
    """Runs scenarios with chosen privileges, in transactions that are rolled back."""

    def __init__(self, cluster: Cluster) -> None:
        self.connection = psycopg.connect(
            cluster.dsn(dbname="lab", options="-c search_path=lab,other"),
            autocommit=True,
            prepare_threshold=None,
        )
        self.major = self.connection.info.server_version // 10000
        self.connection.execute("SET log_statement = 'none'")

    def close(self) -> None:
        self.connection.close()

    def grant_everything(self) -> None:
        for role in laboratory.ROLES:
            for schema in laboratory.SCHEMAS:
                for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
                    self.connection.execute(f"GRANT ALL ON ALL {kind} IN SCHEMA {schema} TO {role}")
                self.connection.execute(f"GRANT ALL ON SCHEMA {schema} TO {role}")
            self.connection.execute(f"GRANT TEMPORARY, CREATE ON DATABASE lab TO {role}")
        if self.major >= 11:
            self.connection.execute("GRANT ALL ON ALL PROCEDURES IN SCHEMA lab TO clerk, keeper")

    def revoke_everything(self) -> None:
        for role in laboratory.ROLES:
            for schema in laboratory.SCHEMAS:
                kinds = ["TABLES", "SEQUENCES", "FUNCTIONS"] + ["PROCEDURES"] * (self.major >= 11)
                for kind in kinds:
                    self.connection.execute(f"REVOKE ALL ON ALL {kind} IN SCHEMA {schema} FROM {role}")
                self.connection.execute(f"REVOKE ALL ON SCHEMA {schema} FROM {role}")
            self.connection.execute(f"REVOKE TEMPORARY, CREATE ON DATABASE lab FROM {role}")
        # an owner's own rights on its views and functions stay: they are no grants
        self.connection.execute(
            "DO $$ DECLARE one record; BEGIN FOR one IN SELECT oid::regclass AS name FROM pg_class "
            "WHERE relowner = 'keeper'::regrole AND relkind IN ('v', 'm') LOOP "
            "EXECUTE format('GRANT ALL ON %s TO keeper', one.name); END LOOP; "
            "FOR one IN SELECT oid::regprocedure AS name FROM pg_proc "
            "WHERE proowner = 'keeper'::regrole LOOP "
            "EXECUTE format('GRANT ALL ON FUNCTION %s TO keeper', one.name); END LOOP; END $$"
        )

    def change(self, verb: str, privileges: list[Privilege]) -> None:
        for one in privileges:
            on = {"relation": "TABLE", "database": "DATABASE"}.get(one.kind, one.kind.upper())
            if one.kind == "function" and self.major >= 11:
                on = "ROUTINE"
            column = f" ({ident(one.column)})" if one.column else ""
            preposition = "TO" if verb == "GRANT" else "FROM"
            self.connection.execute(
                f"{verb} {one.privilege}{column} ON {on} {one.name} {preposition} {one.role}".encode()
            )

    def outcome(self, scenario: Scenario) -> str:
        """Empty when every statement succeeds, else what the server says."""
        self.connection.execute("BEGIN")
        try:
            self.connection.execute("SET LOCAL SESSION AUTHORIZATION clerk")
            run(self.connection, scenario)
        except psycopg.Error as error:
            return f"{error.sqlstate} {error.diag.message_primary}"
        finally:
            self.connection.execute("ROLLBACK")
            self.connection.execute("DEALLOCATE ALL")
            self.connection.execute("DISCARD TEMP")
        return ""


def run(connection: psycopg.Connection, scenario: Scenario) -> None:
    for statement in scenario:
        if "STDOUT" in statement:
            with connection.cursor().copy(statement.encode()) as rows:
                list(rows)
        else:
            connection.execute(statement.encode())


def logged(cluster: Cluster, scenarios: list[Scenario], directory: Path) -> Path:
    """A log of the scenarios as clerk ran them."""
    log = cluster.data_directory / "log" / "server.csv"
    mark = f"end of {directory}"
    start = log.stat().st_size
    for scenario in scenarios:
        with psycopg.connect(cluster.dsn(user="clerk", dbname="lab"), autocommit=True) as connection:
            connection.execute("BEGIN")
            run(connection, scenario)
            connection.execute("ROLLBACK")
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"SELECT '{mark}'")
    deadline = time.monotonic() + 20
    while mark.encode() not in log.read_bytes()[start:] and time.monotonic() < deadline:
        time.sleep(0.05)
    part = directory / "part.csv"
    part.write_bytes(log.read_bytes()[start:])
    return part


def learnt(snapshot: Snapshot, log: Path, store: Path) -> list[Privilege]:
    with ObservationStore(store) as kept:
        learn_from_logs(kept, Analyst(snapshot), [log], now="2026-01-01T00:00:00Z")
        used = [one.need for one in kept.usage() if one.need.role in laboratory.ROLES]
        gaps = [one for one in kept.usage_gaps() if one.gap.role in laboratory.ROLES]
    assert gaps == [], gaps
    (database,) = snapshot.inspected
    # keeper's rights on what keeper owns are no grants
    own = {f"{one.schema}.{one.name}" for one in database.relations if one.owner == "keeper"}
    return [
        one
        for one in fewest(database, used, snapshot.major)
        if not (one.role == "keeper" and one.name in own)
    ]


def check(cluster: Cluster, snapshot: Snapshot, scenarios: list[Scenario], tmp_path: Path) -> None:
    with closing(Oracle(cluster)) as oracle:
        oracle.grant_everything()
        scenarios = [one for one in dict.fromkeys(scenarios) if not oracle.outcome(one)]
        assert scenarios
        privileges = learnt(snapshot, logged(cluster, scenarios, tmp_path), tmp_path / "store")
        oracle.revoke_everything()
        oracle.change("GRANT", privileges)
        refused = {one: said for one in scenarios if (said := oracle.outcome(one))}
        assert refused == {}, refused
        needless = []
        for one in privileges:
            oracle.change("REVOKE", [one])
            if not any(oracle.outcome(scenario) for scenario in scenarios):
                needless.append(one)
            oracle.change("GRANT", [one])
        assert needless == [], needless


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_learnt_is_enough_and_nothing_of_it_is_needless(
    laboratory_server: Cluster, snapshot: Snapshot, tmp_path: Path, seed: int
) -> None:
    made = Statements(random.Random(seed), snapshot.major)  # noqa: S311
    check(laboratory_server, snapshot, [made.scenario() for _ in range(25)], tmp_path)


def test_every_statement_by_itself(
    laboratory_server: Cluster, snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wrong = {}
    for scenario in Statements(random.Random(0), snapshot.major).everything():  # noqa: S311
        try:
            check(laboratory_server, snapshot, [scenario], tmp_path_factory.mktemp("one"))
        except AssertionError as error:
            wrong[scenario] = str(error)[:700]
    assert wrong == {}


def test_a_statement_with_other_constants_is_known_and_one_with_other_names_is_not(
    snapshot: Snapshot,
) -> None:
    analyst = Analyst(snapshot)
    texts = [
        "SELECT name FROM lab.patient WHERE id = 1 AND nir = 'x'",
        "SELECT name FROM lab.patient WHERE id = 2 AND nir = 'y''; SELECT phone FROM lab.doctor; '''",
        "SELECT name FROM lab.patient WHERE id = 2 AND nir = ''; SELECT phone FROM lab.doctor",
        "SELECT nextval('lab.ticket')",
        "SELECT nextval('lab.audit_number')",
        'SELECT "Value" FROM other."Dose Rate"',
        "SELECT 'Value' FROM other.\"Dose Rate\"",
        "SELECT id1 FROM (SELECT id AS id1, name AS id2 FROM lab.doctor) AS d",
        "SELECT id2 FROM (SELECT id AS id1, phone AS id2 FROM lab.doctor) AS d",
        "SELECT $q$a$q$ FROM lab.doctor WHERE phone = $q$b$q$",
        "SELECT $1 FROM lab.doctor WHERE name = $2",
        "SELECT 1 -- it's\nFROM lab.doctor WHERE name = 'x'",
        "SELECT E'\\'' FROM lab.doctor WHERE phone = 'x'",
        "DO $$ BEGIN PERFORM count(phone) FROM lab.doctor; END $$",
        "DO $$ BEGIN PERFORM count(name) FROM lab.doctor; END $$",
        "DO 'BEGIN PERFORM count(phone) FROM lab.doctor; END'",
        "DO 'BEGIN PERFORM count(name) FROM lab.doctor; END'",
    ]
    for text in texts * 2:
        alone = Analyst(snapshot).read(text, "clerk", "lab", Session())
        assert analyst.read(text, "clerk", "lab", Session()) == alone, text
    known = analyst.read(texts[0], "clerk", "lab", Session())
    assert analyst.read(texts[0].replace("1", "77").replace("'x'", "'z'"), "clerk", "lab", Session()) is known


def test_what_a_session_sets_counts_for_what_it_runs_next(snapshot: Snapshot) -> None:
    def roles(*texts: str) -> set[tuple[str, str]]:
        session, analyst = Session(), Analyst(snapshot)
        found = [analyst.read(text, "clerk", "lab", session) for text in texts]
        assert not found[-1].gaps
        return {(one.role, one.name) for one in found[-1].needs if one.kind == "relation"}

    own = {("clerk", "other.thing")}
    assert roles("TABLE thing") == own
    assert roles("SET ROLE keeper", "TABLE thing") == {("keeper", "other.thing")}
    assert roles("BEGIN", "SET ROLE keeper", "ROLLBACK", "TABLE thing") == own
    assert roles("BEGIN", "SET LOCAL ROLE keeper", "COMMIT", "TABLE thing") == own
    assert roles("BEGIN", "SET ROLE keeper", "COMMIT", "TABLE other.thing") == {("keeper", "other.thing")}
    assert roles("SET ROLE keeper", "RESET ROLE", "TABLE thing") == own
    assert roles("CREATE TEMP TABLE thing (a integer)", "TABLE thing") == set()
    assert roles("CREATE TEMP TABLE thing (a integer)", "DISCARD ALL", "TABLE thing") == own
    unsure = Analyst(snapshot)
    session = Session()
    unsure.read("SELECT set_config('search_path', current_user, false)", "clerk", "lab", session)
    assert unsure.read("TABLE thing", "clerk", "lab", session).gaps
