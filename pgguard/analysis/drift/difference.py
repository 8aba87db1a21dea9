"""What changed between two snapshots, as values: sentences in parts, so that lists can be cut."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pgguard.model.finding import Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Area = Literal[
    "superuser",
    "authentication",
    "audit",
    "access",
    "login",
    "membership",
    "encryption",
    "row-security",
    "function",
    "trigger",
    "setting",
    "sensitive-data",
    "ownership",
    "default-privileges",
    "extension",
    "replication",
    "foreign-server",
    "object",
    "server",
]


class Direction(enum.Enum):
    """Whether more is open than before, less, or what only a person can judge; neutral opens nothing."""

    WIDENED = "widened"
    CHANGED = "changed"
    NARROWED = "narrowed"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed, as a sentence: `who` `does` `what` (`tail`).

    `who` and `what` are names as SQL has them, all of them; `noun` and `what_noun` say what they are.
    `tail` tells by which way, or what was before. `database` is None for what belongs to the cluster.
    """

    area: Area
    direction: Direction
    severity: Severity
    noun: str
    who: tuple[str, ...]
    does: str
    what: tuple[str, ...] = ()
    what_noun: str = "object"
    tail: str = ""
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Uncompared:
    """Something of which nobody knows whether it changed: `side` is before, after or both."""

    what: str
    side: str
    section: str
    reason: str
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Which snapshot one side was: the server as it was reached, its version, and when (ISO 8601, UTC)."""

    target: str
    server_version: str
    inspected_at: str


@dataclass(frozen=True, slots=True)
class Drift:
    """Everything that changed from one snapshot to another, the most serious first."""

    before: Look
    after: Look
    differences: tuple[Difference, ...]
    uncompared: tuple[Uncompared, ...]

    def count(self, direction: Direction) -> int:
        """How many differences go that way."""
        return sum(1 for one in self.differences if one.direction is direction)

    def exit_code(self, *, allow_unknown: bool = False) -> int:
        """1 where something widened, or changed so that only a person can judge it; else 3 where something
        could not be compared; else 0."""
        if self.count(Direction.WIDENED) or self.count(Direction.CHANGED):
            return 1
        return 3 if self.uncompared and not allow_unknown else 0


_ORDER: tuple[Area, ...] = (
    "superuser",
    "authentication",
    "audit",
    "access",
    "login",
    "membership",
    "encryption",
    "row-security",
    "function",
    "trigger",
    "setting",
    "sensitive-data",
    "ownership",
    "default-privileges",
    "extension",
    "replication",
    "foreign-server",
    "object",
    "server",
)
_DIRECTIONS = tuple(Direction)


def ordered(found: Iterable[Difference]) -> tuple[Difference, ...]:
    """The differences as one reads them: those that are told alike together, the most serious first."""
    return tuple(sorted(merged(found), key=_rank))


def merged(found: Iterable[Difference]) -> list[Difference]:
    """The differences with those in one that differ in `who` alone, and then those that do in `what`."""
    by_what: dict[object, tuple[Difference, dict[str, None]]] = {}
    key: tuple[object, ...]
    for one in found:
        key = (one.area, one.direction, one.severity, one.noun, one.does, one.what, one.tail, one.database)
        by_what.setdefault(key, (one, {}))[1].update(dict.fromkeys(one.who))
    by_who: dict[object, tuple[Difference, tuple[str, ...], dict[str, None]]] = {}
    for one, names in by_what.values():
        who = tuple(sorted(names))
        # a statement about one thing alone keeps its own `what`: "is now off" of two settings is two values
        kept = () if one.what and one.what_noun != "value" else one.what
        key = (one.area, one.direction, one.severity, one.noun, one.does, who, one.tail, one.database, kept)
        by_who.setdefault(key, (one, who, {}))[2].update(dict.fromkeys(one.what))
    return [_replaced(one, who, tuple(what)) for one, who, what in by_who.values()]


def _replaced(one: Difference, who: tuple[str, ...], what: tuple[str, ...]) -> Difference:
    return Difference(
        one.area,
        one.direction,
        one.severity,
        one.noun,
        who,
        one.does,
        what,
        one.what_noun,
        one.tail,
        one.database,
    )


def _rank(one: Difference) -> tuple[object, ...]:
    return (
        -one.severity,
        _DIRECTIONS.index(one.direction),
        _ORDER.index(one.area),
        -len(one.who) - len(one.what),
        one.database or "",
        one.who,
        one.does,
        one.what,
        one.tail,
    )


def narrowed(severity: Severity, direction: Direction) -> Severity:
    """The severity of a difference that may go either way: what opens nothing is only low."""
    return severity if direction in (Direction.WIDENED, Direction.CHANGED) else Severity.LOW


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names in prose inside a tail, cut after a few."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def plain(
    area: Area,
    noun: str,
    name: str,
    does: str,
    direction: Direction,
    severity: Severity = Severity.LOW,
    *,
    database: str | None = None,
) -> Difference:
    """A difference that names one thing and says what became of it."""
    return Difference(
        area, direction, narrowed(severity, direction), noun, (ident(name),), does, database=database
    )
