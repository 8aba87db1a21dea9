"""A laboratory in which each patient has a key: two tables that share the keys, and a third without.

    lab = persons(running, "clinic")                  # or form="in-place", through="soak"
    with lab.session() as connection:                 # unlocked, as postgres; lab.session("biologist")
        lab.erase(3)                                  # as `pgguard keys destroy-subject` does

biologist reads; secretary writes without being a reader. The schema kept holds both tables in clear.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from pgguard.model.encryption import EncryptedColumn
from pgguard.plan.encryption.naming import function
from pgguard.server import keys_subject
from pgguard.server.connect import Target
from pgguard.store.kek_provider import Kek
from tests.encryption.phases import KEK, UP, planned, unlocked

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form
    from tests.encryption.phases import Phases

PATIENTS = 30
_NUMBER = itertools.count(1)
READERS = ("biologist", "lab_owner")
COLUMNS = {
    "lab.patient": (
        EncryptedColumn("nir", searchable=True, readers=READERS),
        EncryptedColumn("born", mask="year", readers=READERS),
        EncryptedColumn("note", mask="last:2", padding=32, readers=READERS),
    ),
    "lab.visit": (EncryptedColumn("said", key_group="special", readers=READERS),),
    "lab.staff": (EncryptedColumn("phone", readers=READERS),),
}
SUBJECTS = {"lab.patient": ("id", "patient"), "lab.visit": ("patient_id", "patient")}
SCHEMA = f"""
    CREATE SCHEMA lab;
    CREATE TABLE lab.patient (
        id bigint PRIMARY KEY, nir text UNIQUE, born date NOT NULL, note text, seen integer DEFAULT 0,
        CHECK (length(note) < 60 + id % 7));
    CREATE TABLE lab.visit (id integer PRIMARY KEY, patient_id integer NOT NULL, said text NOT NULL);
    CREATE TABLE lab.staff (id integer PRIMARY KEY, phone text);
    INSERT INTO lab.patient SELECT g, 'N' || g, date '1930-01-01' + g, CASE WHEN g % 3 > 0
            THEN 'note ' || g END FROM generate_series(1, {PATIENTS}) AS g;
    INSERT INTO lab.visit SELECT g, 1 + g / 2, 'said ' || g FROM generate_series(1, {PATIENTS}) AS g;
    INSERT INTO lab.staff VALUES (1, '06');
    ALTER SCHEMA lab OWNER TO lab_owner;
    ALTER TABLE lab.patient OWNER TO lab_owner;
    ALTER TABLE lab.visit OWNER TO lab_owner;
    GRANT USAGE ON SCHEMA lab TO PUBLIC;
    GRANT SELECT ON ALL TABLES IN SCHEMA lab TO biologist;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA lab TO secretary;
    CREATE SCHEMA kept;
    CREATE TABLE kept.patient AS TABLE lab.patient;
    CREATE TABLE kept.visit AS TABLE lab.visit;
    ANALYZE;
"""


@dataclass
class Persons:
    """The laboratory, encrypted as far as it was asked for."""

    cluster: Cluster
    database: str
    form: Form
    phases: Phases
    kek: bytes = KEK

    @property
    def target(self) -> Target:
        """The database, as postgres."""
        return Target(self.phases.dsn)

    def session(self, role: str = "postgres", *, kek: bytes | None = None) -> psycopg.Connection:
        """An unlocked session of a role."""
        return unlocked(self.cluster.dsn(user=role, dbname=self.database), kek or self.kek)

    def ask(self, query: str, *values: object) -> list[tuple]:
        """What a superuser's unlocked session answers."""
        with self.session() as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def stored(self, table: str) -> str:
        """The table that stores, after the switch."""
        return f"lab.{table}{'_pgg1' if self.form == 'view' else ''}"

    def select(self, table: str) -> str:
        """A query for all encrypted columns of a table in clear, by the way that the form has."""
        columns = [one.name for one in COLUMNS[f"lab.{table}"]]
        subject = SUBJECTS[f"lab.{table}"][0]
        if self.form == "in-place":
            columns = [f"{function('open', 'lab', table, one)}({one}_pgg1, id, {subject})" for one in columns]
        return f"SELECT id, {', '.join(columns)} FROM lab.{table} ORDER BY id"

    def read(self, table: str = "patient", connection: psycopg.Connection | None = None) -> dict[int, tuple]:
        """The encrypted columns of a table in clear, by id."""
        if connection is not None:
            return {row[0]: row[1:] for row in connection.execute(self.select(table).encode()).fetchall()}
        return {row[0]: row[1:] for row in self.ask(self.select(table))}

    def kept(self, table: str = "patient") -> dict[int, tuple]:
        """What the columns were in clear."""
        listed = ", ".join(one.name for one in COLUMNS[f"lab.{table}"])
        return {row[0]: row[1:] for row in self.ask(f"SELECT id, {listed} FROM kept.{table}")}

    def expected(self, *erased: int) -> tuple[dict[int, tuple], dict[int, tuple]]:
        """What both tables are to show when these patients are erased."""
        patients = {id_: (None,) * len(row) if id_ in erased else row for id_, row in self.kept().items()}
        whose = dict(self.ask("SELECT id, patient_id FROM kept.visit"))
        visits = {id_: (None,) if whose[id_] in erased else row for id_, row in self.kept("visit").items()}
        return patients, visits

    def shows(self) -> tuple[dict[int, tuple], dict[int, tuple]]:
        """What both tables show to who may read."""
        return self.read(), self.read("visit")

    def erase(
        self, person: object, table: str = "lab.patient", *, agreed: bool = True
    ) -> keys_subject.Erasure:
        """Destroy a person's key; with `agreed` the number of values that are lost is given."""
        values = None
        if agreed:
            ((values,),) = self.ask(
                "SELECT (SELECT count(nir_pgg1) + count(born_pgg1) + count(note_pgg1) FROM {} WHERE "
                "id = %s) + (SELECT count(said_pgg1) FROM {} WHERE patient_id = %s)".format(
                    self.stored("patient"), self.stored("visit")
                ),
                person,
                person,
            )
        return keys_subject.destroy_subject(
            self.target, Kek(self.kek), table, str(person), erase=values, say=lambda _: None
        )

    def secrets(self) -> dict[int, bytes]:
        """The secret of each patient that has one."""
        found = self.ask(
            "SELECT id, pgguard.subject_secret('patient', int8send(id)) FROM " + self.stored("patient")
        )
        return {id_: bytes(secret) for id_, secret in found if secret is not None}


def persons(
    cluster: Cluster, database: str = "clinic", *, form: Form = "view", through: str = "contract"
) -> Persons:
    """The database, encrypted by the generated files up to and with the phase `through`."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for role in ("lab_owner", "biologist", "secretary"):
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    with psycopg.connect(cluster.dsn(dbname=database), autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    phases = planned(cluster, database, COLUMNS, form=form, subjects=SUBJECTS)
    laboratory = Persons(cluster, database, form, phases)
    phases.install()
    phases.up(*(one for one in UP[: UP.index(through) + 1] if phases.of(one)))
    return laboratory


def copied(laboratory: Persons) -> Persons:
    """A database of its own, as the laboratory is now; nobody may be connected to that one."""
    name = f"{laboratory.database}_{next(_NUMBER)}"
    with psycopg.connect(laboratory.cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(laboratory.database)
            )
        )
    return replace(laboratory, database=name, phases=replace(laboratory.phases, database=name))
