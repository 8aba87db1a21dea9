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

# shared logins used at desks for two weeks and longer: each must be found as proven or strong
AT_DESKS = frozenset(
    {
        "two_biologists",
        "twenty_readers",
        "hot_desks",
        "part_timers",
        "people_who_ask_and_leave",
        "never_logged_off",
        "presences_at_five_desks",
        "desks_sampled_each_five_minutes",
        "desks_with_lost_logs",
        "desks_and_telework",
        "a_named_client_at_seven_desks",
        "a_driver_without_name_at_nine_desks",
        "two_developers_with_pools",
        "principals_of_two",
        "desks_whose_password_names_itself",
        "a_clinic_behind_nat_and_desks",
    }
)
