"""The upper bound of persons is never below the truth, on tables that lead to persons in every way."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.analysis.incident_bound import Counts, Piles
from pgguard.analysis.incident_reach import Reach
from pgguard.model.incident import AuditSeen
from pgguard.server.connect import Target
from pgguard.server.incident import count
from pgguard.server.read import read_snapshot
from pgguard.store.policy_file import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.incident import Bound
    from pgguard.model.snapshot import Snapshot

SCHEMA = """
CREATE ROLE thief LOGIN; CREATE ROLE other LOGIN; CREATE ROLE replica LOGIN REPLICATION;
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer PRIMARY KEY, nir text);
CREATE TABLE care.exam (id integer PRIMARY KEY, patient_id integer REFERENCES care.patient, result text);
CREATE TABLE care.line (id integer, exam_id integer NOT NULL REFERENCES care.exam, comment text);
CREATE TABLE care.doctor (id integer PRIMARY KEY, name text);
CREATE TABLE care.duty (id integer, doctor_id integer REFERENCES care.doctor, note text);
CREATE TABLE care.imported (patient integer, note text);
CREATE TABLE care.visit (at integer, note text) PARTITION BY RANGE (at);
CREATE TABLE care.visit_1 PARTITION OF care.visit FOR VALUES FROM (0) TO (10);
CREATE TABLE care.visit_2 PARTITION OF care.visit FOR VALUES FROM (10) TO (20);
CREATE TABLE care.old_patient () INHERITS (care.patient);
CREATE MATERIALIZED VIEW care.copy AS SELECT id, nir FROM care.patient;
CREATE VIEW care.shown AS SELECT nir FROM care.patient;
INSERT INTO care.patient SELECT i, 'n' FROM generate_series(1, 40) AS i;
INSERT INTO care.old_patient SELECT i, 'n' FROM generate_series(41, 50) AS i;
INSERT INTO care.exam SELECT i, CASE WHEN i <= 90 THEN 1 + i % 40 END, 'r' FROM generate_series(1, 100) AS i;
INSERT INTO care.line SELECT i, i, 'c' FROM generate_series(1, 100) AS i;
INSERT INTO care.doctor SELECT i, 'd' FROM generate_series(1, 3) AS i;
INSERT INTO care.duty SELECT i, 1 + i % 3, 'n' FROM generate_series(1, 30) AS i;
INSERT INTO care.imported SELECT nullif(i % 7, 0), 'n' FROM generate_series(1, 70) AS i;
INSERT INTO care.visit SELECT i, 'n' FROM generate_series(0, 19) AS i;
REFRESH MATERIALIZED VIEW care.copy;
GRANT USAGE ON SCHEMA care TO thief, other;
GRANT SELECT ON care.shown TO other;
"""
# how many persons each can be about: rows, but for those that lead to patients or have a declared key
TRUTH = {
    "patient": 50,
    "exam": 50,
    "doctor": 3,
    # of its doctor it says nothing of whose note it is
    "duty": 30,
    "imported": 6 + 10,
    "visit": 20,
    "copy": 50,
}
POLICY = """
[[data_subject]]
table = "care.patient"
key = "id"
[[subject_column]]
column = "care.imported.patient"
""" + "".join(
    f'[[column]]\nname = "care.{name}"\ncategory = "{category}"\n'
    for name, category in {
        "patient.nir": "national_id",
        "old_patient.nir": "national_id",
        "exam.result": "health_observation",
        "line.comment": "free_text",
        "doctor.name": "staff_identity",
        "duty.note": "free_text",
        "imported.note": "free_text",
        "visit.note": "free_text",
        "visit_1.note": "free_text",
        "visit_2.note": "free_text",
        "copy.nir": "national_id",
        "copy.id": "none",
        "patient.id": "none",
    }.items()
)


@pytest.fixture(scope="module")
def care(postgres: Any) -> Iterator[Cluster]:
    from pgguard.demo.cluster import Cluster

    with Cluster.start(postgres) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        yield cluster


@pytest.fixture
def bound(care: Cluster) -> Callable[..., Bound]:
    """The bound over what a login reaches once these are granted to thief."""

    def run(
        *granted: str, login: str = "thief", counted: bool = True, audits: tuple[AuditSeen, ...] = ()
    ) -> Bound:
        with psycopg.connect(care.dsn(), autocommit=True) as connection:
            connection.execute("REVOKE ALL ON ALL TABLES IN SCHEMA care FROM thief")
            for one in granted:
                connection.execute(f"GRANT SELECT ON care.{one} TO thief".encode())
        snapshot = read_snapshot(Target(care.dsn()))
        return _bound(care, snapshot, login, counted=counted, audits=audits)

    return run


def _bound(
    care: Cluster, snapshot: Snapshot, login: str, *, counted: bool, audits: tuple[AuditSeen, ...]
) -> Bound:
    policy = parse(POLICY, "policy")
    (database,) = [one for one in snapshot.inspected if one.name == "postgres"]
    reached = [one.cell for one in Reach(snapshot, policy).of(login, database)]
    piles = Piles(snapshot, policy, reached)
    counts = count(Target(care.dsn()), piles.asked()) if counted else ()
    return piles.bound(reached, Counts(snapshot, counts, audits))


@pytest.mark.parametrize("table", TRUTH)
def test_of_one_table(bound: Callable[..., Bound], table: str) -> None:
    found = bound(table)
    # exams of nobody known: each may be somebody
    strays = 10 if table == "exam" else 0
    assert found.exact
    assert found.persons == TRUTH[table] + strays


def test_tables_that_lead_to_persons_are_one_group(bound: Callable[..., Bound]) -> None:
    found = bound("patient", "exam", "line")
    assert found.records == 50 + 100 + 100
    # a line leads by an exam that may lead to nobody: it is not believed, and counted by itself
    assert found.persons == 50 + 10 + 100
    assert bound("patient", "exam").persons == 50 + 10


def test_rows_are_counted_once(bound: Callable[..., Bound]) -> None:
    assert bound("visit", "visit_1", "visit_2").records == 20
    assert bound("visit_1").records == 10
    assert bound("patient", "old_patient").records == 50
    assert bound("old_patient").persons == 10


def test_random_grants_are_never_below_the_truth(bound: Callable[..., Bound]) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    for _ in range(6):
        granted = chance.sample(sorted(TRUTH), chance.randint(1, len(TRUTH)))
        found = bound(*granted)
        patients = {"patient", "exam", "copy"} & set(granted)
        # those that are certainly different persons
        truth = (50 if patients - {"exam"} else 40 if patients else 0) + sum(
            TRUTH[one] for one in granted if one in ("doctor",)
        )
        assert found.persons is not None
        assert truth <= found.persons <= sum(TRUTH[one] + 10 for one in granted)


def test_other_ways_than_grants_are_reached(bound: Callable[..., Bound]) -> None:
    # by a view, and by a copy of the whole cluster
    assert bound(login="other").persons == 50
    assert bound(login="replica").records == bound(login="postgres").records
    assert bound(login="nobody_any_more").records == bound(login="postgres").records
    assert bound().records == 0


def test_what_is_not_counted_is_no_upper_bound(bound: Callable[..., Bound], care: Cluster) -> None:
    assert bound("duty", counted=False).persons is None
    with psycopg.connect(care.dsn(), autocommit=True) as connection:
        connection.execute("ANALYZE care.imported")
    found = bound("imported", counted=False)
    assert (found.persons, found.exact) == (70, False)


def test_what_was_deleted_counts(bound: Callable[..., Bound]) -> None:
    gone = AuditSeen("postgres", deleted={"care.duty": 5, "care.imported": 2})
    assert bound("duty", audits=(gone,)).persons == 35
    assert bound("imported", audits=(gone,)).persons == 16 + 2
    emptied = AuditSeen("postgres", deleted={"care.duty": -1})
    assert bound("duty", audits=(emptied,)).persons is None
