"""A laboratory whose reads are recorded: by pgaudit where the server has it, else by log_statement."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest

from pgguard.analysis.reads import Interpreter
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.analysis.usage.statements import Analyst
from pgguard.model.plan import Plan
from pgguard.observe.reads import Miner
from pgguard.observe.reads_store import Which
from pgguard.observe.store import ObservationStore
from pgguard.plan.audit.reads import read_steps
from pgguard.plan.migration import migrations
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.policy_file import parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pgguard.demo.binaries import Postgres
    from pgguard.demo.cluster import Cluster
    from pgguard.model.plan import Migration
    from pgguard.model.reads import CommandSeen, ReadSeen
    from pgguard.model.snapshot import Snapshot
    from pgguard.observe.reads import Ingested

NOW = "2026-11-25T08:00:00Z"
SECRET = "18402751162037"
COLLECTED = {
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "server.log",
    "log_connections": "on",
    "log_disconnections": "on",
}
FILES = {"stderr": "server.log", "csvlog": "server.csv", "jsonlog": "server.json"}
POLICY = """
[[person]]
name = "Anna Schmidt"
role = "anna"

[[service]]
role = "lis"
owner = "Laboratory IT"
purpose = "laboratory application"
""" + "".join(
    f'\n[[column]]\nname = "care.{name}"\ncategory = "{category}"\n'
    for name, category in {
        "patient.id": "none",
        "patient.nir": "national_id",
        "patient.name": "direct_identifier",
        "patient.room": "none",
        "measure.at": "none",
        "measure.value": "health_observation",
        "measure_1.at": "none",
        "measure_1.value": "health_observation",
        "old_patient.id": "none",
        "old_patient.nir": "national_id",
        "old_patient.name": "direct_identifier",
        "old_patient.room": "none",
        "names.id": "none",
        "names.name": "direct_identifier",
        "ward.label": "none",
    }.items()
)
SCHEMA = f"""
CREATE SCHEMA pgguard;
CREATE ROLE owner NOLOGIN;
CREATE ROLE lis LOGIN;
CREATE ROLE anna LOGIN;
CREATE SCHEMA care AUTHORIZATION owner;
SET ROLE owner;
CREATE TABLE care.patient (id integer PRIMARY KEY, nir text, name text, room text);
INSERT INTO care.patient SELECT i, '{SECRET}' || i, 'N' || i, 'R' || i FROM generate_series(1, 20) AS i;
CREATE TABLE care.old_patient () INHERITS (care.patient);
CREATE TABLE care.measure (at integer, value text) PARTITION BY RANGE (at);
CREATE TABLE care.measure_1 PARTITION OF care.measure FOR VALUES FROM (0) TO (10);
INSERT INTO care.measure VALUES (1, '{SECRET}');
CREATE TABLE care.ward (label text);
CREATE VIEW care.shown AS SELECT id, nir FROM care.patient;
CREATE MATERIALIZED VIEW care.names AS SELECT id, name FROM care.patient;
CREATE FUNCTION care.by_owner(integer) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN RETURN (SELECT nir FROM care.patient WHERE id = $1); END $$;
CREATE FUNCTION care.by_owner_sql(integer) RETURNS text LANGUAGE sql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS 'SELECT nir FROM care.patient WHERE id = $1';
CREATE FUNCTION care.by_caller(integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN RETURN (SELECT nir FROM care.patient WHERE id = $1); END $$;
GRANT USAGE ON SCHEMA care TO lis, anna;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA care TO lis, anna;
RESET ROLE;
ANALYZE care.patient;
"""


def without_pgaudit(postgres: Postgres) -> str:
    """Why the tests with the real extension cannot run; empty when they can."""
    folders = [postgres.bin.parent / "lib", postgres.bin.parent / "lib" / "postgresql"]
    if any((one / "pgaudit.so").is_file() for one in folders):
        return ""
    return f"PostgreSQL {postgres.version} here has no pgaudit (Debian: postgresql-{postgres.major}-pgaudit)"


def needs_pgaudit(postgres: Postgres) -> None:
    if reason := without_pgaudit(postgres):
        pytest.skip(reason)


class Sensitive(NamedTuple):
    database: str
    schema: str
    name: str
    columns: tuple[str, ...]


@dataclass
class Site:
    """A running server with the tables of SCHEMA in its database postgres."""

    cluster: Cluster
    policy_text: str = POLICY
    environment: dict[str, str] = field(default_factory=dict)
    database: str = "postgres"
    copies: Path | None = None
    seen: Snapshot | None = None

    def make(self, sql: str = SCHEMA) -> None:
        with psycopg.connect(self.cluster.dsn(), autocommit=True) as connection:
            connection.execute(sql.encode())

    def snapshot(self) -> Snapshot:
        return read_snapshot(Target(self.cluster.dsn()))

    def steps(self, *, whole: bool = False) -> tuple[tuple[Migration, ...], tuple[str, ...]]:
        snapshot, policy = self.snapshot(), parse(self.policy_text, "policy")
        tables = [
            Sensitive(
                database.name,
                columns[0].relation.schema,
                columns[0].relation.name,
                tuple(one.column.name for one in columns),
            )
            for database in snapshot.inspected
            for columns in sensitive_tables(database, policy).values()
            if columns[0].relation.kind in "rpf" and not columns[0].relation.is_partition
        ]
        steps, by_hand = read_steps(snapshot, policy, tables, whole=whole)
        server = snapshot.server
        plan = Plan("", server.version, server.now, server.inspected_as, steps, by_hand)
        return migrations(plan), by_hand

    def psql(self, text: str) -> None:
        program = self.cluster.postgres.psql or "psql"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        done = subprocess.run(
            [
                program,
                *("-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"),
                *("-d", self.cluster.dsn(dbname=self.database)),
            ],
            input=text,
            encoding="utf-8",
            capture_output=True,
            check=False,
            env={**kept, **self.environment},
        )
        assert done.returncode == 0, done.stderr

    def apply(self, files: Sequence[Migration]) -> None:
        for one in files:
            self.psql(one.up)
            self.psql(one.verify)
        # ALTER SYSTEM counts after the reload that the file asks for
        self.cluster.reload()

    def run(self, login: str, application: str, *statements: str, **more: str) -> None:
        """Statements of one session; COPY to the client is fetched, what fails may."""
        dsn = self.cluster.dsn(user=login, application_name=application, **more)
        with psycopg.connect(dsn, autocommit=True) as connection:
            for one in statements:
                if one.startswith("COPY"):
                    with connection.cursor() as cursor, cursor.copy(one.encode()) as copied:
                        list(copied)
                else:
                    try:
                        found = connection.execute(one.encode())
                    except psycopg.Error:
                        continue
                    if found.description:
                        found.fetchall()

    def log(self, form: str) -> Path:
        return (self.copies or self.cluster.data_directory / "log") / FILES[form]

    def freeze(self, folder: Path) -> None:
        """From now on the logs are as they are: what is done to look at them is not in them."""
        self.settled(*(one for one in map(self.log, FILES) if one.exists()))
        copies = folder / "log"
        shutil.copytree(self.cluster.data_directory / "log", copies)
        self.seen, self.copies = self.snapshot(), copies

    def settled(self, *files: Path) -> None:
        """Wait until the collector has written everything: what a last session says is in all the files."""
        mark = f"mark{time.monotonic_ns()}"
        with psycopg.connect(self.cluster.dsn(), autocommit=True) as connection:
            connection.execute(f"DO $$ BEGIN RAISE LOG '{mark}'; END $$")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if all(mark.encode() in one.read_bytes() for one in files):
                return
            time.sleep(0.02)
        raise AssertionError(mark)

    def miner(self, prefix: str | None = None) -> Miner:
        snapshot, policy = self.seen or self.snapshot(), parse(self.policy_text, "policy")
        return Miner(Analyst(snapshot), Interpreter(snapshot, policy), prefix=prefix)

    def mine(self, store: Path, *logs: Path, prefix: str | None = None, now: str = NOW) -> Ingested:
        with ObservationStore(store) as kept:
            return self.miner(prefix).mine(kept, logs, now=now)


def kept(store: Path, which: Which | None = None) -> list[ReadSeen]:
    with ObservationStore(store) as opened:
        return list(opened.kept_reads.reads(which or Which()))


def commands(store: Path) -> list[CommandSeen]:
    with ObservationStore(store) as opened:
        return list(opened.kept_reads.commands())
