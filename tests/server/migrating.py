"""A hospital with two databases, a plan for it of every kind of file, and what of the plan is there."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from pgguard.changes.settings import alter_system
from pgguard.changes.tables import enable_row_security
from pgguard.model.plan import Plan, Step
from pgguard.plan import folder
from pgguard.plan.migration import migrations
from pgguard.plan.personal.changes import add_grant, add_member, close_login, create_role
from pgguard.server.applying import cluster_identity
from pgguard.server.connect import Target

if TYPE_CHECKING:
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Change
    from pgguard.model.plan import Migration

TABLES = 60
PEOPLE = 12
HBA = "local all all trust\nhost all all 127.0.0.1/32 trust\n"


@dataclass
class Hospital:
    """The server, the folder of the plan, and the plan."""

    cluster: Cluster
    path: Path
    files: tuple[Migration, ...]

    @property
    def target(self) -> Target:
        """The server, by the database that nothing happens in."""
        return Target(self.cluster.dsn(dbname="template1"))

    @property
    def folder(self) -> folder.Folder:
        """The folder as it was written."""
        return folder.read(self.path)

    def there(self, one: Migration) -> set[bool]:
        """Which of the changes of a file hold: all, none, or some."""
        changes = one.step.changes
        asked = ", ".join(f"{change.planned}, {change.done}" for change in changes)
        with psycopg.connect(self.cluster.dsn(dbname=one.step.database or "postgres")) as connection:
            answers = connection.execute(f"SELECT {asked}".encode()).fetchone()
        assert answers is not None
        planned, done = answers[::2], answers[1::2]
        assert all(before is not after for before, after in zip(planned, done, strict=True)), one.name
        return set(done)

    def ledger(self, one: Migration) -> list[tuple[str, str]]:
        """The ledger's rows of a file: action and state."""
        with psycopg.connect(self.cluster.dsn(dbname=one.step.database or "postgres")) as connection:
            exists = connection.execute("SELECT to_regclass('pgguard.migration') IS NOT NULL").fetchone()
            if exists != (True,):
                return []
            return connection.execute(
                "SELECT action, state FROM pgguard.migration WHERE number = %s ORDER BY id",
                (int(one.name.partition("_")[0]),),
            ).fetchall()

    def consistent(self) -> None:
        """Asserts that each file is there whole or not at all, as its ledger says."""
        for one in self.files:
            settled = [state for _, state in self.ledger(one) if state in ("applied", "rolled-back")]
            broken_off = self.ledger(one)[-1:] and self.ledger(one)[-1][1] == "started"
            if one.step.transactional or not broken_off:
                assert self.there(one) == {settled[-1:] == ["applied"]}, one.name

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """A process of pgguard on the server."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        command, *more = arguments
        return subprocess.Popen(
            [sys.executable, "-m", "pgguard.cli.main", command, str(self.path), self.target.dsn, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**kept, **environment},
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same, until it ends."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=180)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def hospital(cluster: Cluster, path: Path, tables: int = TABLES) -> Hospital:
    """Databases lab and billing, a shared login, and a plan that gives it up."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
        connection.execute("CREATE DATABASE billing")
        connection.execute("CREATE ROLE labo LOGIN")
    for database in ("lab", "billing"):
        with psycopg.connect(cluster.dsn(dbname=database), autocommit=True) as connection:
            connection.execute("CREATE SCHEMA lab")
            for number in range(tables):
                connection.execute(f"CREATE TABLE lab.t{number} (id bigint, nom text)".encode())
    made = Plan(
        "hospital",
        cluster.postgres.version,
        "2026-11-25T08:00:00Z",
        "postgres",
        steps(tables),
        cluster=cluster_identity(Target(cluster.dsn())),
    )
    files = migrations(made)
    folder.write(path, made, files)
    return Hospital(cluster, path, files)


def steps(tables: int = TABLES) -> tuple[Step, ...]:
    """Parameters, roles, rights in both databases, row security, and the end of the shared login."""
    parameters = ("log_connections", "log_disconnections", "log_lock_waits", "log_checkpoints")
    roles: list[Change] = [create_role("biologist", "NOLOGIN", "NOT r.rolcanlogin")]
    for number in range(PEOPLE):
        roles.append(create_role(f"p.{number}", "LOGIN", "r.rolcanlogin"))
        roles.append(add_member("biologist", f"p.{number}"))
    return (
        _step("settings", [alter_system(name, "on", before=None) for name in parameters]),
        _step("people", roles, phase="prepare"),
        *(
            _step(f"rights_{database}", _grants(database, tables), database=database, phase="prepare")
            for database in ("lab", "billing")
        ),
        _step(
            "rows",
            [enable_row_security(f"lab.t{number}", database="lab") for number in range(0, tables, 2)],
            database="lab",
            phase="prepare",
        ),
        _step("close", [close_login("labo")], phase="cutover"),
    )


def _grants(database: str, tables: int) -> list[Change]:
    return [
        add_grant("TABLE", f"lab.t{number}", "biologist", ["SELECT", "INSERT"], database=database)
        for number in range(tables)
    ]


def _step(slug: str, changes: list[Change], database: str | None = None, phase: str = "") -> Step:
    return Step(slug, slug, "people have names", tuple(changes), database, phase)
