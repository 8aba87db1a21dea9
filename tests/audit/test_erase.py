"""An erasure of an audited table: its deletions are recorded, the run is noted, the person's entries go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.nightly import erasing
from pgguard.server.audit_seal import seal_once
from pgguard.server.connect import Target
from pgguard.store.erasure_folder import Journal
from pgguard.store.policy_file import parse
from tests.audit.store import OLDEST, with_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres

POLICY = """
[[data_subject]]
table = "lab.patient"
key = "nir"
[[retention]]
table = "lab.result"
months = 12
age_column = "at"
[[audit_table]]
table = "lab.result"
subject = "patient_id"
"""
KEY = "1850275123456"


@pytest.fixture(scope="module")
def dsn(postgres: Postgres) -> Iterator[str]:
    if postgres.major < OLDEST:
        pytest.skip(f"the audit needs PostgreSQL {OLDEST}")
    with Cluster.start(postgres) as running:
        yield with_store(running, "audited")


def test_entries_of_the_person_go_and_the_run_is_noted(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("""
            CREATE SCHEMA lab;
            CREATE TABLE lab.patient (id int PRIMARY KEY, nir text);
            CREATE TABLE lab.result
                (id int PRIMARY KEY, patient_id int REFERENCES lab.patient, note text, at date);
        """)
        connection.execute("SELECT pgguard_audit.audit('lab.result', 'patient_id', '{\"note\": \"plain\"}')")
        connection.execute(f"INSERT INTO lab.patient VALUES (41, '{KEY}'), (42, 'somebody else')")
        connection.execute("INSERT INTO lab.result VALUES (1, 41, 'one', now()), (2, 42, 'two', now())")
        target, chosen = Target(dsn), parse(POLICY, "policy of the test")
        seal_once(target)
        of_person = "SELECT count(*) FROM pgguard_audit.entry WHERE subject = '41' AND erased IS NULL"
        assert connection.execute(of_person).fetchall() == [(1,)]
        plan = erasing.plan(target, chosen, person=KEY)
        record = erasing.run(target, lambda: chosen, plan, Journal(None), person=KEY)
        # the entry of the deletion itself is not sealed yet, and told
        assert (record.audit_erased, record.audit_unsealed) == (1, 1)
        assert record.exit_code == 4
        assert [one[0] for one in connection.execute("SELECT id FROM lab.result")] == [2]
        verbs = [one[0] for one in connection.execute("SELECT verb FROM pgguard_audit.entry ORDER BY id")]
        assert "DELETE" in verbs
        ((said, tables),) = connection.execute(
            "SELECT object, new FROM pgguard_audit.entry WHERE verb = 'AUDIT NOTE'"
        ).fetchall()
        assert said.startswith("ERASURE ")
        assert "lab.result: delete, 1 of 2 rows" in tables
        assert connection.execute(
            "SELECT count(*) FROM pgguard_audit.entry WHERE subject = '42' AND erased IS NULL"
        ).fetchall() == [(1,)]
        by_dependents = {(one.kind, one.name) for one in record.dependents}
        assert ("audit store", "lab.result") in by_dependents
