"""What is said of statements on encrypted tables, against the tables as the generated files leave them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.analysis.encryption_impact import Form, Verdict, impacts
from pgguard.demo.cluster import Cluster
from pgguard.model.encryption import EncryptedColumn
from pgguard.plan.encryption.naming import function
from tests.analysis.encryption_cases import CASES
from tests.analysis.encryption_shapes import CLEAR, SHAPES, judged, made_in_clear, run, target
from tests.encryption.phases import UP, planned, unlocked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres

OLDEST = 14
_AS_BEFORE = frozenset({Verdict.WORKS, Verdict.SLOWER})
_COLUMNS = (EncryptedColumn("nir", searchable=True), EncryptedColumn("note"))
_OPENED = tuple(f"{function('open', 'lab', 'patient', one.name)}({one.name}_pgg1, id)" for one in _COLUMNS)
# the table has a function that takes its rows
_ACKNOWLEDGED = ("row-type",)


@pytest.fixture(scope="module")
def cluster(postgres: Postgres) -> Iterator[Cluster]:
    """A cluster with the table in each form, each in a database of its own, and in clear."""
    if postgres.major < OLDEST:
        pytest.skip(f"columns are encrypted from {OLDEST} on")
    with Cluster.start(postgres) as running:
        made_in_clear(running)
        for form in Form:
            phases = planned(
                running,
                SHAPES[form],
                {"lab.patient": _COLUMNS},
                form=form.value,
                acknowledged=_ACKNOWLEDGED,
            )
            phases.install()
            with psycopg.connect(running.dsn(dbname=SHAPES[form])) as connection:
                # as if `pgguard keys escrow` and a drill had been: the contract asks for both
                connection.execute("UPDATE pgguard.kek SET escrow_at = now(), drill_at = now()")
            phases.up(*(one for one in UP if phases.of(one)))
        yield running


@pytest.mark.parametrize("form", Form, ids=lambda form: form.value)
def test_verdicts_hold_for_the_generated_files(form: Form, cluster: Cluster) -> None:
    major = cluster.postgres.major
    cases = [one for one in CASES if one.since <= major]
    wrong: dict[str, Any] = {}
    with (
        closing(psycopg.connect(cluster.dsn(dbname=SHAPES[CLEAR]))) as clear,
        closing(unlocked(cluster.dsn(dbname=SHAPES[form]))) as connection,
    ):
        connection.autocommit = False
        for case in cases:
            found = impacts([case.statement], [target(form)], major=major)
            said = found[0].verdict if found else Verdict.WORKS
            before = run(clear, CLEAR, case)
            met = run(connection, form, case, _OPENED)
            is_met = judged(before, met)
            if said is not Verdict.NOT_UNDERSTOOD and is_met is not (
                Verdict.WORKS if said in _AS_BEFORE else said
            ):
                wrong[case.statement] = (said, is_met, met.message)
            assert before.error == "", before.message
    assert wrong == {}
