"""What the grades say of the development half of the scenarios, over several seeds."""

from __future__ import annotations

import pytest

from pgguard.analysis.sharing import Known, assess_all
from pgguard.store.policy_file import parse
from tests.analysis.sharing.development import SCENARIOS
from tests.analysis.sharing.scoring import policy_text


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_the_grade_is_one_that_is_right(scenario) -> None:
    for seed in range(8):
        world = scenario(seed)
        policy = parse(policy_text(world.policy), "policy")
        found = assess_all([world.role], world.sessions, world.coverage, policy, Known(world.mapped))
        if not world.truth.kinds:
            assert found == ()
            continue
        (one,) = found
        assert one.grade.value in world.truth.kinds, (seed, one)
        assert one.at_least <= max(world.truth.people, 2), (seed, one)
