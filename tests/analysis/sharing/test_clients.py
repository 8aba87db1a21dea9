"""The border between what comes by the clock and what comes by hand."""

from __future__ import annotations

import pytest

from pgguard.analysis.addresses import parse
from pgguard.analysis.sharing.clients import kind_of, visits, without_clockwork
from pgguard.analysis.sharing.grade import by_people
from tests.analysis.sharing.rhythms import duty, timer
from tests.analysis.sharing.worlds import DAY, HOUR, Desk


def by_hand(desk: Desk) -> float:
    """The share of the sessions that are taken for a person's."""
    direct, _ = visits(desk.sessions, parse(()))
    return len(without_clockwork(direct)) / len(direct)


@pytest.mark.parametrize(
    ("application", "kind"),
    [
        ("psql", "interactive"),
        ("psqlODBC", "driver"),
        ("PSQLODBC_LO", "driver"),
        ("phpPgAdmin", "interactive"),
        ("php", "driver"),
        ("pg_dumpall", "operations"),
        ("PgBouncer", "pooler"),
        ("", "driver"),
        ("resultats", "named"),
    ],
)
def test_the_longest_name_that_fits_tells_the_kind(application: str, kind: str) -> None:
    assert kind_of(application) == kind


@pytest.mark.parametrize("seed", range(5))
def test_a_timer_with_a_random_delay_is_clockwork(seed: int) -> None:
    desk = Desk(seed, "timer")
    timer(desk, 2 * HOUR, 1_800, (5, 900), "10.9.0.1", "psql")
    assert by_hand(desk) == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_job_around_midnight_is_clockwork(seed: int) -> None:
    desk = Desk(seed, "midnight")
    desk.daily(23.8, "10.9.0.1", "psql", lasts=1_200, delay=1_700)
    assert by_hand(desk) == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_ward_that_never_closes_is_not(seed: int) -> None:
    desk = Desk(seed, "ward")
    at = 0.0
    while at < desk.days * DAY:
        at += desk.random.expovariate(1 / HOUR)
        desk.add(at, at + desk.random.expovariate(1 / 600), "10.9.0.1", "psql")
    assert by_hand(desk) > 0.95


@pytest.mark.parametrize("seed", range(5))
def test_nights_with_a_break_are_not(seed: int) -> None:
    desk = Desk(seed, "night")
    for day in range(desk.days):
        duty(desk, [day], 21.75, desk.random.uniform(3, 5.5), "10.9.0.1", "psql", missed=0.1)
        duty(desk, [day], desk.random.uniform(27, 29), 2, "10.9.0.1", "psql", missed=0.1)
    assert by_hand(desk) > 0.9


def test_sessions_of_seconds_are_no_presence() -> None:
    desk = Desk(0, "requests")
    for day in range(desk.days):
        for hour in range(8, 18):
            begin = day * DAY + hour * HOUR + desk.random.uniform(0, 1_800)
            desk.add(begin, begin + 1, f"10.9.0.{hour % 2}", "")
    direct, _ = visits(desk.sessions, parse(()))
    assert by_people(direct) == []
