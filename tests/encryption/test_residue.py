"""What the generated files leave of clear values, phase by phase: by searching, and by the checks."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.checks import check
from pgguard.model.policy import Policy
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.read import read_open
from pgguard.server.residue import Wanted, search
from pgguard.store.kek_provider import Kek
from tests.encryption.encrypting import encrypted
from tests.encryption.phases import KEK, UP

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form
    from pgguard.model.residue import Residue
    from tests.encryption.encrypting import Laboratory

_OWN = {"table", "toast", "index"}
_SETTINGS = {"logging_collector": "on", "log_directory": "log", "wal_compression": "off"}


def _search(laboratory: Laboratory) -> Residue:
    return search(Target(laboratory.dsn()), Wanted(key=Kek(KEK)))


def _findings(laboratory: Laboratory) -> list[str]:
    chosen = [one for one in map(check, ("enc-leftover-plaintext", "ret-residue")) if one is not None]
    with psycopg.connect(laboratory.dsn()) as connection:
        snapshot = read_open(connection)
        connection.rollback()
    report = judge(snapshot, Policy(), today=datetime.date(2026, 11, 25), checks=chosen)
    assert [one.reason for one in report.outcomes] == ["", ""]
    return [judged.finding.evidence for one in report.outcomes for judged in one.findings]


@pytest.mark.parametrize("form", ["view", "in-place"])
def test_what_is_left_goes_phase_by_phase(new_cluster: Callable[..., Cluster], form: Form) -> None:
    cluster = new_cluster(settings=_SETTINGS)
    if cluster.postgres.major < 14:
        pytest.skip("columns are encrypted on PostgreSQL 14 and later")
    laboratory = encrypted(cluster, form=form, through="expand", tables=("lab.patient",))
    laboratory.superuser("DROP SCHEMA kept CASCADE")
    # made in the same database, and not encrypted here
    laboratory.superuser("DROP TABLE lab.every")
    assert not _findings(laboratory)
    for phase in UP[1:]:
        laboratory.phases.up(*(one for one in (phase,) if laboratory.phases.of(one)))
        found = _search(laboratory)
        kinds = {one.kind for one in found.found}
        untold = {one.column for one in found.sought if one.reason}
        assert untold == {"lab.patient.born"}, phase
        said = _findings(laboratory)
        if phase == "scrub":
            assert not kinds & (_OWN | {"statistics", "copy", "left-over"})
            assert said == []
            continue
        assert "table" in kinds, phase
        if phase == "contract":
            assert len(said) == 1
            assert "were dropped lie in the file of" in said[0]
        elif phase != "backfill":
            assert len(said) == 1
            assert "stands there in clear as well" in said[0]
