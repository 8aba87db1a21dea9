"""The table of versions, and what is said of a server by it on a given day."""

from __future__ import annotations

import datetime

import pytest

from pgguard.analysis.versions import Major, table
from pgguard.checks import check
from pgguard.model.finding import Severity, Verdict
from pgguard.model.policy import Policy
from pgguard.model.rows import Server
from pgguard.model.snapshot import Snapshot
from pgguard.report.judge import judge

DAY = datetime.date(2026, 11, 25)


def server(version: int, now: str = "2026-11-25T10:00:00.000000Z") -> Snapshot:
    major, minor = divmod(version, 10000)
    row = Server(version, f"{major}.{minor}", now, now, now, False, "postgres", True, True, True, "", 5432)
    return Snapshot({"server_rows": (row,)}, [])


def said(check_id: str, snapshot: Snapshot) -> list[tuple[Severity, str]] | Verdict:
    chosen = check(check_id)
    assert chosen is not None
    (outcome,) = judge(snapshot, Policy(), today=DAY, checks=[chosen]).outcomes
    if outcome.verdict is not Verdict.FAIL:
        return outcome.verdict
    return [(one.severity, one.finding.evidence) for one in outcome.findings]


def test_the_table_is_whole() -> None:
    assert sorted(table().majors) == list(range(10, 19))
    for major in table().majors.values():
        assert major.released <= table().as_of
        assert major.released <= major.ends


def test_a_minor_that_never_came_out_does_not_count() -> None:
    major = Major(6, DAY, DAY, frozenset({5}))
    assert [major.behind(minor) for minor in (3, 4, 5, 6, 7)] == [2, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (150018, [(Severity.LOW, "PostgreSQL 15.18 is 1 behind 15.19 of 2026-08-13")]),
        (150017, [(Severity.MEDIUM, "PostgreSQL 15.17 is 2 behind 15.19 of 2026-08-13")]),
        (180004, [(Severity.LOW, "PostgreSQL 18.4 is 1 behind 18.6 of 2026-08-13")]),
        (130003, [(Severity.MEDIUM, "PostgreSQL 13.3 is 20 behind 13.23 of 2025-11-13")]),
    ],
)
def test_behind(version: int, expected: list[tuple[Severity, str]]) -> None:
    end = " (by pgguard's table of 2026-11-24, 1 day old)"
    assert said("patch-outdated", server(version)) == [(grade, text + end) for grade, text in expected]


def test_the_newest_and_newer_ones_are_not_behind() -> None:
    assert said("patch-outdated", server(150019)) is Verdict.PASS
    assert said("patch-outdated", server(150025, "2027-11-01T00:00:00Z")) is Verdict.PASS


def test_out_of_support_from_the_day_after_its_last_minor() -> None:
    assert said("patch-unsupported", server(140023, "2026-11-12T23:59:59Z")) is Verdict.PASS
    found = said("patch-unsupported", server(140023, "2026-11-13T00:00:00Z"))
    assert isinstance(found, list)
    assert found[0][0] is Severity.HIGH
    assert found[0][1].startswith("PostgreSQL 14.23: version 14 is out of support since 2026-11-12 (by")


def test_the_age_of_the_table_is_said() -> None:
    found = said("patch-outdated", server(150018, "2027-11-24T00:00:00Z"))
    assert isinstance(found, list)
    assert "365 days old" in found[0][1]


def test_a_major_that_the_table_does_not_know_is_not_judged() -> None:
    assert said("patch-outdated", server(190000)) is Verdict.NOT_APPLICABLE
    assert said("patch-unsupported", server(190000)) is Verdict.NOT_APPLICABLE
