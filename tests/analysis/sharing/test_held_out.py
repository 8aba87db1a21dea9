"""What the grades say of the scenarios that the rules were not written by, and of both halves as a whole."""

from __future__ import annotations

from functools import cache

import pytest

from tests.analysis.sharing import development, held_out
from tests.analysis.sharing.scoring import ALARMS, Run, misses, overcounts, run, scores

SEEDS = range(100, 104)
HALVES = {"development": development.SCENARIOS, "held out": held_out.SCENARIOS}
# right in at least so many of a hundred runs that got the grade, and that should have got it
FLOORS = {
    "proven": (100, 100),
    "strong": (95, 100),
    "possible": (98, 98),
    "configured": (100, 100),
    "not-assessable": (100, 100),
    "none": (97, 98),
}


@cache
def runs(half: str) -> tuple[Run, ...]:
    return tuple(run(scenario, seed) for scenario in HALVES[half] for seed in SEEDS)


@pytest.mark.parametrize("half", HALVES)
def test_programs_raise_no_alarm(half: str) -> None:
    programs = [one for one in runs(half) if one.truth.alarm and not one.truth.people]
    assert programs
    assert [one for one in programs if one.false_alarm] == []


@pytest.mark.parametrize("half", HALVES)
def test_every_login_that_can_only_be_shared_is_found(half: str) -> None:
    shared = [one for one in runs(half) if one.truth.kinds and one.truth.kinds <= ALARMS]
    assert shared
    assert [one for one in shared if one.grade not in ALARMS] == []


@pytest.mark.parametrize("half", HALVES)
def test_nobody_who_shares_or_hides_is_passed(half: str) -> None:
    doubtful = [one for one in runs(half) if one.truth.kinds and "none" not in one.truth.kinds]
    passed = [one for one in doubtful if one.grade == "none"]
    assert len(passed) * 100 <= len(doubtful), misses(passed)


@pytest.mark.parametrize("grade", FLOORS)
@pytest.mark.parametrize("half", HALVES)
def test_precision_and_recall_reach_their_floors(half: str, grade: str) -> None:
    precision, recall = FLOORS[grade]
    one = scores(runs(half))[grade]
    assert one.given
    assert one.wanted
    assert one.precision * 100 >= precision, misses(runs(half))
    assert one.recall * 100 >= recall, misses(runs(half))


@pytest.mark.parametrize("half", HALVES)
def test_no_more_people_are_said_than_there_were(half: str) -> None:
    assert overcounts(runs(half)) == {}
