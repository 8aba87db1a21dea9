"""Which names of databases say that they are not for production, on a real snapshot under other names."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.checks import check
from pgguard.model.finding import Verdict
from pgguard.model.policy import DatabaseEntry, Policy
from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
from pgguard.report.judge import judge
from pgguard.server.read import read_open

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Outcome


@pytest.fixture(scope="module")
def with_patients(cluster: Cluster) -> Iterator[Snapshot]:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute("CREATE TABLE patient (nir text, last_name text)")
        yield read_open(connection)
        connection.rollback()


def judged(snapshot: Snapshot, names: tuple[str, ...], policy: Policy) -> Outcome:
    (lab,) = snapshot.inspected
    named = Snapshot(snapshot._sections, [DatabaseSnapshot(lab._sections, name) for name in names])
    chosen = check("conf-nonproduction-copy")
    assert chosen is not None
    return judge(named, policy, today=datetime.date(2026, 11, 24), checks=[chosen]).outcomes[0]


@pytest.mark.parametrize(
    "name",
    [
        "lab_test", "LabRecette2", "sih-preprod", "sih_pre_prod", "demo", "training", "staging_ris",
        "Formation", "prueba", "lims_dev", "préprod", "bac_a_sable", "TEST",
    ],
)  # fmt: skip
def test_names_that_are_not_for_production(with_patients: Snapshot, name: str) -> None:
    outcome = judged(with_patients, (name,), Policy())
    assert outcome.verdict is Verdict.UNKNOWN
    assert "--sample" in outcome.reason
    assert "public.patient.nir" in outcome.reason


@pytest.mark.parametrize(
    "name", ["lab", "production", "latest", "device", "attestations", "democrat", "information"]
)
def test_names_that_say_nothing(with_patients: Snapshot, name: str) -> None:
    assert judged(with_patients, (name,), Policy()).verdict is Verdict.PASS


def test_the_policy_goes_before_the_name(with_patients: Snapshot) -> None:
    policy = Policy(database=(DatabaseEntry("lab_test", "production"), DatabaseEntry("lab", "test")))
    assert judged(with_patients, ("lab_test",), policy).verdict is Verdict.PASS
    assert judged(with_patients, ("lab",), policy).verdict is Verdict.UNKNOWN


def test_each_database_that_is_not_known_is_named(with_patients: Snapshot) -> None:
    reason = judged(with_patients, ("lab", "lab_test", "lab_dev"), Policy()).reason
    assert "lab_test" in reason
    assert "lab_dev" in reason
