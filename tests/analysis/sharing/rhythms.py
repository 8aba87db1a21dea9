"""Rhythms that the held-out scenarios add to the toolkit: how people, machines and stores disturb it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from tests.analysis.sharing.worlds import DAY, HOUR, START, Desk, World, sampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.model.observation import SessionSeen

DESK_TOOLS = (
    "pgAdmin 4 - DB:lab",
    "DBeaver 23.3.1 - Main <lab>",
    "DBeaver 24.2.0 - SQLEditor <Script.sql>",
    "psql",
    "DataGrip 2024.2.2",
    "HeidiSQL 12.6",
    "Navicat",
)


def bursts(
    desk: Desk,
    address: str,
    application: str,
    *,
    a_day: int = 5,
    minutes: float = 25,
    attendance: float = 0.9,
    identity: str = "",
    method: str = "",
) -> None:
    """Somebody who connects for a question and leaves, some times a working day."""
    for day in desk.workdays(attendance):
        for _ in range(max(1, round(desk.random.gauss(a_day, 1.5)))):
            begin = day * DAY + desk.random.uniform(8, 17) * HOUR
            length = desk.random.expovariate(1 / (minutes * 60))
            desk.add(begin, begin + length, address, application, identity=identity, method=method)


def devices(
    desk: Desk,
    machines: Sequence[tuple[str, str, float]],
    *,
    attendance: float = 0.88,
    arrives: float = 8.5,
    leaves: float = 17.5,
) -> None:
    """One person's machines (address, application, chance a day): they come, eat and go together."""
    for day in desk.workdays(attendance):
        begin = day * DAY + desk.random.gauss(arrives, 0.4) * HOUR
        end = day * DAY + desk.random.gauss(leaves, 0.5) * HOUR
        for address, application, chance in machines:
            if desk.random.random() < chance:
                wake = desk.random.uniform(60, 5_400)
                desk.add(begin + wake, end - desk.random.uniform(0, 1_200), address, application)


def duty(
    desk: Desk,
    days: Sequence[int],
    hour: float,
    length: float,
    address: str,
    application: str,
    *,
    missed: float = 0.05,
) -> None:
    """A shift of so many hours, from `hour` (beyond 24: the next day) on the given days."""
    for day in days:
        if desk.random.random() >= missed:
            begin = day * DAY + hour * HOUR + desk.random.uniform(120, 1_500)
            desk.add(begin, begin + length * HOUR + desk.random.gauss(0, 400), address, application)


def switched(
    desk: Desk,
    address: str,
    application: str,
    hours: tuple[float, float],
    *,
    pool: int,
    weekend: bool = False,
) -> None:
    """A server that a scheduler starts and stops by the clock, with the pool of its application."""
    for day in range(desk.days):
        if weekend or day % 7 < 5:
            for _ in range(pool):
                begin = day * DAY + hours[0] * HOUR + desk.random.uniform(20, 90)
                end = day * DAY + hours[1] * HOUR + desk.random.uniform(0, 15)
                desk.add(begin, end, address, application)


def timer(
    desk: Desk, pause: float, delay: float, lasts: tuple[float, float], address: str, application: str
) -> None:
    """A systemd timer: on the clock every `pause` seconds with RandomizedDelaySec=`delay`."""
    at = 0.0
    while at < desk.days * DAY:
        begin = at + desk.random.uniform(0, delay)
        desk.add(begin, begin + desk.random.uniform(*lasts), address, application)
        at += pause


def leased(desk: Desk, network: str, mean_days: float) -> list[str]:
    """The address that one machine has on each day, when leases are kept for some days."""
    found: list[str] = []
    address = f"{network}.{desk.random.randrange(20, 250)}"
    for _ in range(desk.days):
        if desk.random.random() < 1 / mean_days:
            address = f"{network}.{desk.random.randrange(20, 250)}"
        found.append(address)
    return found


def merged(world: World, pause: float = 600) -> World:
    """The same world where sightings of one client that touch each other are kept as one presence."""
    open_ones: dict[tuple[str, str, str], int] = {}
    kept: list[SessionSeen] = []
    for one in world.sessions:
        key = (one.address, one.application, one.identity)
        before = open_ones.get(key)
        if before is not None:
            earlier = kept[before]
            gap = datetime.datetime.fromisoformat(one.started_at) - datetime.datetime.fromisoformat(
                earlier.ended_at
            )
            if gap.total_seconds() <= pause:
                end = max(earlier.ended_at, one.ended_at)
                kept[before] = earlier._replace(ended_at=end, last_seen_at=end)
                continue
        open_ones[key] = len(kept)
        kept.append(one)
    return world._replace(sessions=kept)


def with_gap(world: World, first: float, last: float) -> World:
    """The same world when the logs between two days were lost."""
    edges = [(START + datetime.timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ") for day in (first, last)]
    (whole,) = world.coverage
    return world._replace(
        sessions=[one for one in world.sessions if not edges[0] <= one.started_at < edges[1]],
        coverage=[whole._replace(until=edges[0], gaps=1), whole._replace(since=edges[1])],
    )


def looked_at(world: World, pause: float, seed: int) -> World:
    """The same world by sampling a server that tells system_user: identities stay known."""
    known = {one.session: (one.identity, one.method) for one in world.sessions}
    seen = sampled(world, pause, seed)
    return seen._replace(
        sessions=[
            one._replace(identity=known[one.session][0], method=known[one.session][1])
            for one in seen.sessions
        ],
        coverage=[one._replace(identities=True) for one in seen.coverage],
    )
