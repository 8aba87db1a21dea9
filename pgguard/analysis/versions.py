"""What is known of PostgreSQL's versions (data/versions.toml), and how old that knowledge is."""

from __future__ import annotations

import datetime
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.model.snapshot import Snapshot


class Major(NamedTuple):
    """One major version: the newest known minor and the day it came out, the day of the last one."""

    newest: int
    released: datetime.date
    ends: datetime.date
    skipped: frozenset[int] = frozenset()

    def behind(self, minor: int) -> int:
        """How many minor versions came out after this one."""
        return sum(later not in self.skipped for later in range(minor + 1, self.newest + 1))


class Table(NamedTuple):
    """What was known on a day."""

    as_of: datetime.date
    majors: dict[int, Major]


@cache
def table() -> Table:
    """The bundled table."""
    text = resources.files("pgguard").joinpath("data/versions.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    majors = {
        int(name): Major(row["newest"], row["released"], row["ends"], frozenset(row.get("skipped", ())))
        for name, row in data["major"].items()
    }
    return Table(data["as_of"], majors)


def today(snapshot: Snapshot) -> datetime.date:
    """The day of the inspection, by the server's clock in UTC."""
    return datetime.datetime.fromisoformat(snapshot.server.now).date()


def minor(snapshot: Snapshot) -> int:
    """PostgreSQL's minor version: 18 of 15.18."""
    return snapshot.server.version_num % 10000


def age(snapshot: Snapshot) -> str:
    """How old the bundled table is, in words for evidence."""
    as_of = table().as_of
    days = max(0, (today(snapshot) - as_of).days)
    return f"by pgguard's table of {as_of}, {days} day{'' if days == 1 else 's'} old"


def lacks(snapshot: Snapshot, fixed: Mapping[str, int]) -> bool:
    """Whether the server lacks a correction, given the first minor version of each major that has it.

    Majors before the first one named never got it, those after the last one always had it.
    """
    major = snapshot.major
    first = fixed.get(str(major))
    return minor(snapshot) < first if first is not None else major < min(map(int, fixed))
