"""Plans from what statements took: what belongs together is in one file, too little evidence is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.usage.evidence import Evidence
from pgguard.model.observation import Coverage, Observations
from pgguard.model.policy import Policy
from pgguard.model.usage import MEANS, TRACKED, Gap, Need, Unattributed, Used
from pgguard.plan.least_privilege import steps_of
from pgguard.server.read import read_open

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Snapshot

TABLES = 60
SINCE, UNTIL = "2026-01-01T00:00:00Z", "2026-11-01T00:00:00Z"


@pytest.fixture(scope="module")
def snapshot(cluster: Cluster) -> Snapshot:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute("CREATE SCHEMA care; CREATE ROLE lis LOGIN; CREATE ROLE staff; GRANT staff TO lis")
        for number in range(TABLES):
            connection.execute(
                f"CREATE TABLE care.patient_{number} (id integer, last_name text, nir text);"
                f"GRANT SELECT ON care.patient_{number} TO staff".encode()
            )
        found = read_open(connection)
        connection.rollback()
    return found


def _evidence(snapshot: Snapshot, *gaps: Gap, until: str = UNTIL) -> Evidence:
    used = tuple(
        Used(
            "lab", Need("lis", "relation", f"care.patient_{number}", column, "SELECT"), SINCE, until, 1, "log"
        )
        for number in range(TABLES)
        for column in ("id", "last_name")
    )
    seen = Observations(
        coverage=(Coverage(SINCE, until, MEANS, TRACKED, False, False, False, 0),),
        usage=used,
        usage_gaps=tuple(Unattributed("lab", gap, SINCE, until, 1, "log") for gap in gaps),
    )
    return Evidence(snapshot, seen, Policy())


def test_a_table_and_its_columns_change_in_one_file(snapshot: Snapshot) -> None:
    steps, by_hand = steps_of(_evidence(snapshot))
    assert by_hand == ()
    assert len(steps) > 1
    narrowed = []
    for step in steps:
        assert "once a year" in step.risk
        sql = [one.sql for one in step.changes]
        tables = [one.split()[4] for one in sql if one.startswith("REVOKE SELECT ON TABLE ")]
        assert tables
        for table in tables:
            assert [one for one in sql if f" ON TABLE {table} TO " in one] == [
                f"GRANT SELECT (id) ON TABLE {table} TO staff;",
                f"GRANT SELECT (last_name) ON TABLE {table} TO staff;",
            ]
        narrowed += tables
    assert len(narrowed) == TABLES


def test_nothing_on_too_little_evidence(snapshot: Snapshot) -> None:
    assert steps_of(_evidence(snapshot, until="2026-02-01T00:00:00Z"))[0] == ()


def test_what_could_not_be_followed_keeps_what_it_may_have_used(snapshot: Snapshot) -> None:
    steps, _ = steps_of(_evidence(snapshot, Gap("lis", "SELECT", "it was cut", "care.patient_7")))
    text = " ".join(change.sql for step in steps for change in step.changes)
    assert "care.patient_8 " in text
    assert "care.patient_7 " not in text
    assert steps_of(_evidence(snapshot, Gap("lis", "SELECT", "it was cut", "")))[0] == ()
