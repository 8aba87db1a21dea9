"""A table that is taken through the phases of an encryption and back, by the generated files alone."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import psycopg

from pgguard.model.encryption import EncryptedTable
from pgguard.model.plan import Plan
from pgguard.plan import folder
from pgguard.plan.encryption import plan_encryption
from pgguard.plan.migration import migrations
from pgguard.plan.script import script
from pgguard.server.applying import cluster_identity
from pgguard.server.connect import Target
from pgguard.server.shapes import read_shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import EncryptedColumn, Form
    from pgguard.model.plan import Migration

KEK = secrets.token_bytes(32)
UP = ("expand", "backfill", "verify", "switch", "soak", "contract", "scrub")
# a busy table: how often a lock that could not be had in time is asked for again
_ATTEMPTS = 40


def unlocked(dsn: str, kek: bytes = KEK, **options: object) -> psycopg.Connection:
    """A session with the key, by a bound parameter."""
    connection = psycopg.connect(dsn, autocommit=True, **options)  # type: ignore[arg-type]
    try:
        connection.execute("SELECT pgguard.unlock(%b)", (kek,))
    except BaseException:
        connection.close()
        raise
    return connection


@dataclass
class Phases:
    """The files of one plan, and the database that they are for."""

    cluster: Cluster
    database: str
    files: tuple[Migration, ...]
    by_hand: tuple[str, ...] = ()
    attempts: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def dsn(self) -> str:
        """The database, as postgres."""
        return self.cluster.dsn(dbname=self.database)

    def of(self, phase: str) -> list[Migration]:
        """The files of a phase."""
        return [one for one in self.files if one.step.phase == phase]

    def install(self, kek: bytes = KEK) -> None:
        """The schema pgguard, and keys for all groups that the files ask for."""
        for one in self.of("install"):
            self.run(one, "up", None)
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("SELECT pgguard.new_kek(%b)", (kek,))
            for group in ("main", "special"):
                for purpose in ("data", "index"):
                    connection.execute("SELECT pgguard.new_key(%b, %s, %s)", (kek, group, purpose))
            if any(one.step.slug == "subject_keys_installed" for one in self.files):
                for purpose in ("subject", "name"):
                    connection.execute("SELECT pgguard.new_key(%b, 'subject', %s)", (kek, purpose))
            # the contract asks for that, and `pgguard keys escrow` and `restore-drill` note it
            connection.execute("UPDATE pgguard.kek SET escrow_at = now(), drill_at = now()")

    def up(self, *phases: str, verify: bool = True) -> None:
        """Apply the files of the phases, each followed by its verification."""
        for phase in phases:
            started = time.monotonic()
            for one in self.of(phase):
                self.run(one, "up")
                if verify:
                    self.run(one, "verify")
            self.seconds[phase] = time.monotonic() - started

    def down(self, *phases: str) -> None:
        """Take the files of the phases back, in the order given."""
        for phase in phases:
            started = time.monotonic()
            for one in reversed(self.of(phase)):
                self.run(one, "down")
            self.seconds[f"{phase}.down"] = time.monotonic() - started

    def run(self, one: Migration, kind: str, kek: bytes | None = KEK) -> None:
        """Run one of a file's texts in a session of its own, again while locks cannot be had."""
        text = getattr(one, kind)
        transactional = kind != "verify" and one.step.transactional
        for attempt in range(_ATTEMPTS):
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                if kek is not None:
                    connection.execute("SELECT pgguard.unlock(%b)", (kek,))
                try:
                    if transactional:
                        connection.execute("BEGIN")
                    for statement in script(text, one.name, transactional=transactional):
                        connection.execute(statement.encode())
                    if transactional:
                        connection.execute("COMMIT")
                except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                    self.attempts += 1
                    if attempt == _ATTEMPTS - 1:
                        raise
                    time.sleep(0.05)
                else:
                    return


def planned(
    cluster: Cluster,
    database: str,
    columns: Mapping[str, tuple[EncryptedColumn, ...]],
    *,
    form: Form = "view",
    acknowledged: Sequence[str] = (),
    path: Path | None = None,
    subjects: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> Phases:
    """The plan for columns of the tables that are there now; written to a folder when one is given.

    `subjects` are the column and the kind of persons, of tables whose values have a key for each.
    """
    target = Target(cluster.dsn())
    shapes = read_shapes(target, database, list(columns))
    tables = [
        replace(
            EncryptedTable(database, shape, wanted, form=form, acknowledged=frozenset(acknowledged)),
            subject=subjects.get(name, ("", ""))[0],
            subject_kind=subjects.get(name, ("", ""))[1],
        )
        for shape, (name, wanted) in zip(shapes, columns.items(), strict=True)
    ]
    version = cluster.postgres.version
    steps, by_hand = plan_encryption(tables, major=cluster.postgres.major)
    plan = Plan(
        "test", version, "2026-11-25T08:00:00Z", "postgres", steps, by_hand, cluster=cluster_identity(target)
    )
    files = migrations(plan)
    if path is not None:
        folder.write(path, plan, files)
    return Phases(cluster, database, files, by_hand)


def checksum(
    connection: psycopg.Connection, relation: str, columns: Sequence[str], where: str = "true"
) -> str:
    """MD5 over the values of the columns as text, in the order of the first one."""
    listed = ", ".join(columns)
    with connection.transaction():
        connection.execute("SET LOCAL datestyle = 'ISO'")
        connection.execute("SET LOCAL timezone = 'UTC'")
        row = connection.execute(
            f"SELECT md5(string_agg(t::text, '|' ORDER BY {columns[0]})) || count(*)"
            f" FROM (SELECT {listed} FROM {relation} WHERE {where}) AS t".encode()
        ).fetchone()
    assert row is not None
    return str(row[0])


def storage_checks(connection: psycopg.Connection, table: str) -> Iterator[tuple[str, ...]]:
    """What the register says is stored encrypted, and where: storage, clear column, stored column."""
    yield from connection.execute(
        "SELECT relation::text, column_name, stored_column, key_group FROM pgguard.encrypted_storage"
        " WHERE relation = to_regclass(%s) ORDER BY column_name",
        (table,),
    )
