"""Two badly run sites on real servers, their plans, and plain psql to apply them with."""

from __future__ import annotations

import contextlib
import datetime
import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from pgguard.demo.cluster import Cluster
from pgguard.demo.lab import Laboratory, desk
from pgguard.model.finding import Severity
from pgguard.model.plan import Migration, Plan
from pgguard.plan.findings import steps_of
from pgguard.plan.migration import migrations
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.policy_file import parse
from tests.plan.rights import rights
from tests.planted import test_planted as planted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres
    from pgguard.model.finding import Report
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

Rights = dict[str, list[tuple[object, ...]]]


@dataclass
class Site:
    """A running site; `database` is where its patients are."""

    cluster: Cluster
    policy: Policy
    database: str
    password: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        return Target(self.dsn(self.database))

    def dsn(self, database: str) -> str:
        return self.cluster.dsn(dbname=database, password=self.password)

    def look(self) -> tuple[Report, Snapshot]:
        snapshot = read_snapshot(self.target)
        return judge(snapshot, self.policy, today=datetime.date(2026, 11, 24)), snapshot

    def plan(self, *, floor: Severity = Severity.LOW, safe_only: bool = False) -> Plan:
        report, snapshot = self.look()
        steps, by_hand = steps_of(report, snapshot, floor=floor, safe_only=safe_only)
        return Plan(
            report.target, report.server_version, report.inspected_at, report.inspected_as, steps, by_hand
        )

    def files(self) -> tuple[Migration, ...]:
        return migrations(self.plan())

    def psql(self, text: str, database: str | None) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        program = self.cluster.postgres.psql or "psql"
        return subprocess.run(
            [
                str(program),
                "-X",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                self.dsn(database or self.database),
                "-f",
                "-",
            ],
            input=text,
            encoding="utf-8",
            capture_output=True,
            check=False,
            env={**kept, **self.environment},
        )

    def rights(self) -> Rights:
        with psycopg.connect(self.dsn("postgres")) as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT datname FROM pg_database "
                    "WHERE datallowconn AND datname NOT LIKE 'template%' ORDER BY 1"
                )
            ]
        return rights(self.cluster, *names, password=self.password)


@contextlib.contextmanager
def laboratory(postgres: Postgres) -> Iterator[Site]:
    with Laboratory.open(major=postgres.major) as running:
        yield Site(running.cluster, running.policy, "lab")


@contextlib.contextmanager
def imaging_centre(postgres: Postgres) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(
            Cluster.start(
                postgres,
                listen=["127.0.0.1"],
                tls=True,
                checksums=False,
                settings={"ssl_ca_file": "server.crt"},
            )
        )
        planted.load(cluster, "flawed")
        lines = [line.partition("|")[2] for line in planted.text("flawed.conf").splitlines() if "|" in line]
        cluster.set(**planted.settings(lines, cluster.postgres.major))
        cluster.restart()
        stack.enter_context(desk(cluster, "reception", "mri", "127.0.0.21", "psql"))
        yield Site(cluster, parse(planted.text("flawed.toml"), "policy"), "mri", planted.PASSWORD)


SITES = {"laboratory": laboratory, "imaging centre": imaging_centre}
