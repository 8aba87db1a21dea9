"""The held-out half of the scenarios: written from the grades' definitions alone, before any was scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.analysis.sharing.held_out_borders import BORDERS
from tests.analysis.sharing.held_out_people import PEOPLE
from tests.analysis.sharing.held_out_programs import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.analysis.sharing.worlds import World

SCENARIOS: tuple[Callable[[int], World], ...] = (*PEOPLE, *PROGRAMS, *BORDERS)
