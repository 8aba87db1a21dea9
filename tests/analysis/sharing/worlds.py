"""Simulated hospitals: seeded generators of the sessions that people, programs and schedulers make.

Each generator builds the rows of one login as the observation store would hold them, over some weeks,
with the disorder of real life: people are late, ill, forget to log off; programs are restarted; laptops
change their address.
"""

from __future__ import annotations

import datetime
import random
from typing import TYPE_CHECKING, NamedTuple

from pgguard.model.observation import Coverage, SessionSeen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

START = datetime.datetime(2026, 10, 5, tzinfo=datetime.UTC)  # a Monday
HOUR = 3_600.0
DAY = 86_400.0


class Truth(NamedTuple):
    """What really was: how many people used the login, and what a grade may and may not say.

    `kinds` are the grades that are right; `alarm` whether proven or strong would be a false alarm.
    """

    people: int
    kinds: frozenset[str]
    alarm: bool


class World(NamedTuple):
    """One login's sessions with the policy that goes with them and the truth."""

    role: str
    sessions: list[SessionSeen]
    coverage: list[Coverage]
    policy: dict[str, object]
    truth: Truth
    mapped: dict[str, int]


class Desk:
    """Builds sessions of one login."""

    def __init__(self, seed: int, role: str, days: int = 21) -> None:
        self.random = random.Random(f"{role} {seed}")  # noqa: S311 - a simulation
        self.role = role
        self.days = days
        self.sessions: list[SessionSeen] = []
        self._number = 0

    def add(
        self,
        begin: float,
        end: float,
        address: str,
        application: str,
        *,
        identity: str = "",
        method: str = "",
    ) -> None:
        """One session; times in seconds since the first day's midnight."""
        self._number += 1
        start = START + datetime.timedelta(seconds=begin)
        stop = START + datetime.timedelta(seconds=max(end, begin + 1))
        text = [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (start, stop)]
        self.sessions.append(
            SessionSeen(
                f"{int(start.timestamp()):x}.{self._number:x}",
                self.role,
                "lab",
                application,
                address,
                "",
                identity,
                method or ("scram-sha-256" if not identity else "cert"),
                False,
                text[0],
                text[1],
                text[1],
                "log",
            )
        )

    def workdays(self, attendance: float = 0.9) -> Iterator[int]:
        """The days on which somebody comes to work, weekends aside."""
        for day in range(self.days):
            if day % 7 < 5 and self.random.random() < attendance:
                yield day

    def office(
        self,
        address: str | Callable[[int], str],
        application: str,
        *,
        arrives: float = 8,
        leaves: float = 17,
        attendance: float = 0.9,
        identity: str = "",
        method: str = "",
        breaks: bool = True,
        parallel: int = 1,
    ) -> None:
        """A person's working days at one machine."""
        for day in self.workdays(attendance):
            host = address if isinstance(address, str) else address(day)
            begin = day * DAY + self.random.gauss(arrives, 0.3) * HOUR
            end = day * DAY + self.random.gauss(leaves, 0.5) * HOUR
            parts = [(begin, end)]
            if breaks and self.random.random() < 0.7:
                noon = day * DAY + self.random.gauss(12.3, 0.3) * HOUR
                parts = [(begin, noon), (noon + self.random.uniform(0.4, 1.2) * HOUR, end)]
            for one, two in parts:
                for _ in range(parallel):
                    jitter = self.random.uniform(0, 20)
                    self.add(one + jitter, two, host, application, identity=identity, method=method)

    def servers(
        self, hosts: Iterable[str], application: str, *, pool: int = 8, restart_days: int = 9
    ) -> None:
        """Application servers: pools of connections day and night, renewed now and then."""
        for host in hosts:
            for _ in range(pool):
                at = self.random.uniform(-DAY, 0)
                while at < self.days * DAY:
                    length = self.random.uniform(0.2, 1.0) * restart_days * DAY / 3
                    self.add(max(at, 0), min(at + length, self.days * DAY), host, application)
                    at += length + self.random.uniform(0, 30)

    def every(
        self, pause: float, address: str, application: str, *, lasts: float = 3, jitter: float = 1
    ) -> None:
        """A job by the clock."""
        at = self.random.uniform(0, pause)
        while at < self.days * DAY:
            self.add(at + self.random.uniform(0, jitter), at + lasts, address, application)
            at += pause

    def daily(
        self, hour: float, address: str, application: str, *, lasts: float = 60, delay: float = 5
    ) -> None:
        """A job once a day, with a random delay in seconds."""
        for day in range(self.days):
            begin = day * DAY + hour * HOUR + self.random.uniform(0, delay)
            self.add(begin, begin + lasts, address, application)

    def pods(self, application: str, *, replicas: int = 3, network: str = "10.244") -> None:
        """Containers that come and go, each with an address of its own."""
        for _ in range(replicas):
            at = 0.0
            while at < self.days * DAY:
                length = self.random.expovariate(1 / (1.5 * DAY))
                host = f"{network}.{self.random.randrange(8)}.{self.random.randrange(2, 250)}"
                for _ in range(self.random.randrange(2, 6)):
                    self.add(at, min(at + length, self.days * DAY), host, application)
                at += length

    def world(
        self,
        people: int,
        *kinds: str,
        alarm: bool = False,
        policy: dict[str, object] | None = None,
        mapped: int = 0,
        identities: bool = True,
        connections: bool = True,
    ) -> World:
        """The login with its truth."""
        end = START + datetime.timedelta(days=self.days)
        covered = Coverage(
            START.strftime("%Y-%m-%dT%H:%M:%SZ"),
            end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "log" if connections else "sample",
            "server.csv",
            connections,
            connections,
            identities and connections,
            0,
        )
        return World(
            self.role,
            sorted(self.sessions, key=lambda one: one.started_at),
            [covered],
            policy or {},
            Truth(people, frozenset(kinds), alarm),
            {self.role: mapped} if mapped else {},
        )


def sampled(world: World, pause: float, seed: int) -> World:
    """The same world as somebody sees it who looks every so many seconds: short sessions are missed."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    offset = chance.uniform(0, pause)
    kept = []
    for one in world.sessions:
        begin = (datetime.datetime.fromisoformat(one.started_at) - START).total_seconds()
        end = (datetime.datetime.fromisoformat(one.ended_at) - START).total_seconds()
        looks = int((end - offset) // pause) - int((begin - offset) // pause)
        if looks > 0:
            last = START + datetime.timedelta(seconds=((end - offset) // pause) * pause + offset)
            kept.append(
                one._replace(
                    last_seen_at=last.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    ended_at="",
                    seen_by="sample",
                    identity="",
                    method="",
                )
            )
    return world._replace(sessions=kept)
