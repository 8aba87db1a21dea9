"""Precision and recall of the grades over scenarios."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis.sharing import Known, assess_all
from pgguard.model.observation import Grade
from pgguard.store.policy_file import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.analysis.sharing.worlds import Truth, World

ALARMS = frozenset({Grade.PROVEN.value, Grade.STRONG.value})
NOT_GRADED = "not graded"  # declared services are left out of the answer


class Run(NamedTuple):
    """What one scenario with one seed was graded."""

    scenario: str
    seed: int
    truth: Truth
    grade: str
    at_least: int

    @property
    def right(self) -> bool:
        """Whether the grade is one of those that are right."""
        return self.grade in (self.truth.kinds or {NOT_GRADED})

    @property
    def false_alarm(self) -> bool:
        """Whether proven or strong was said where nobody shares the login."""
        return self.truth.alarm and self.grade in ALARMS


class Score(NamedTuple):
    """One grade's counts.

    `given` runs got the grade, for `given_right` of them it is one of the right ones; for `wanted` runs it is
    the only right one, `found` of them got it. Runs with several right grades count for precision alone.
    """

    given: int
    given_right: int
    wanted: int
    found: int

    @property
    def precision(self) -> float:
        return self.given_right / self.given if self.given else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.wanted if self.wanted else 1.0


def policy_text(policy: Mapping[str, Any]) -> str:
    """A scenario's policy as TOML."""
    lines: list[str] = []
    for name, value in policy.items():
        for table in value if isinstance(value, list) else [value]:
            lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            lines += [f"{key} = {json.dumps(one)}" for key, one in table.items()]
    return "\n".join(lines)


def run(scenario: Callable[[int], World], seed: int) -> Run:
    """Grades one scenario."""
    world = scenario(seed)
    policy = parse(policy_text(world.policy), "policy")
    found = assess_all([world.role], world.sessions, world.coverage, policy, Known(world.mapped))
    grade, at_least = (found[0].grade.value, found[0].at_least) if found else (NOT_GRADED, 0)
    return Run(scenario.__name__, seed, world.truth, grade, at_least)


def scores(runs: Iterable[Run]) -> dict[str, Score]:
    """The counts of every grade."""
    runs = list(runs)
    found: dict[str, Score] = {}
    for grade in Grade:
        given = [one for one in runs if one.grade == grade.value]
        wanted = [one for one in runs if one.truth.kinds == {grade.value}]
        found[grade.value] = Score(
            len(given),
            sum(one.right for one in given),
            len(wanted),
            sum(one.grade == grade.value for one in wanted),
        )
    return found


def misses(runs: Iterable[Run]) -> dict[tuple[str, str], int]:
    """How often each scenario was given a grade that is not right."""
    return Counter((one.scenario, one.grade) for one in runs if not one.right)


def overcounts(runs: Iterable[Run]) -> dict[tuple[str, str], int]:
    """How often more people were said than there were (one person's two machines may count as two)."""
    return Counter((one.scenario, one.grade) for one in runs if one.at_least > max(one.truth.people, 2))
