"""First match over sets: what each rule takes of all logins, databases, ways in and addresses at once.

The address space is cut where some rule begins or ends. Between two cuts the same rules lie over each
other, and they are gone through once, with the logins and databases that are left as sets: the cost
follows the rules that overlap, not rules times logins times databases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.addresses import boundaries
from pgguard.analysis.hba.index import Rules, numbers
from pgguard.analysis.hba.rules import LOCAL, SOCKET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.hba.index import Index


class Bits(NamedTuple):
    """A set of users or of databases: those that surely match, and those that possibly do."""

    sure: int
    possible: int


class Taken(NamedTuple):
    """What a rule takes of a pile: its number, databases and users as bits, and whether it only may."""

    number: int
    databases: int
    users: int
    open: bool


class Pile(NamedTuple):
    """Rules that lie over each other: by this way in, for these ranges of addresses."""

    way: str
    possible: int
    sure: int
    ranges: list[tuple[int, int]]


class Space(NamedTuple):
    """Users and databases as bits, and what each rule fits of them.

    `start` holds, as (databases, users), who is there to be let in; `namesakes`, by rule and number of
    the database, the users that sameuser and samerole fit there.
    """

    known: Index
    users: Sequence[Bits]
    databases: Sequence[Bits]
    start: Sequence[tuple[int, int]]
    namesakes: Mapping[int, Mapping[int, Bits]]

    def piles(self, ways: Iterable[str]) -> Iterator[Pile]:
        """The piles of rules by each of the ways in."""
        everywhere = boundaries((fits.possible, fits.sure) for fits in self.known.fits)
        for way in ways:
            of_way = self.known.of_way(way).possible
            if way == LOCAL:
                yield Pile(way, of_way, of_way, list(SOCKET.ranges))
                continue
            found: dict[tuple[int, int], list[tuple[int, int]]] = {}
            for low, high, possible, sure in everywhere:
                if possible & of_way:
                    found.setdefault((possible & of_way, sure & of_way), []).append((low, high))
            for (possible, sure), ranges in found.items():
                yield Pile(way, possible, sure, ranges)

    def settle(self, possible: int, sure: int) -> Iterator[Taken]:
        """What each rule of a pile takes, in order."""
        left = [(databases, users) for databases, users in self.start if databases and users]
        for number in numbers(possible):
            surely = bool(sure >> number & 1)
            users = self.users[number]
            left, taken = _take(left, self.databases[number], users, surely)
            for databases, some, is_open in taken:
                yield Taken(number, databases, some, is_open)
            for database, namesakes in self.namesakes.get(number, {}).items():
                only = Bits(1 << database, 1 << database)
                both = Bits(users.sure & namesakes.sure, users.possible & namesakes.possible)
                left, taken = _take(left, only, both, surely)
                for databases, some, is_open in taken:
                    yield Taken(number, databases, some, is_open)
            if not left:
                return


def turned(sets: Sequence[Rules], everybody: Rules, count: int) -> list[Bits]:
    """From the rules that fit each of some users or databases, to those that each of the rules fits.

    `everybody` are the rules that fit most of them, which spares going through these for each.
    """
    sure, possible = [0] * count, [0] * count
    alike = 0
    for number, rules in enumerate(sets):
        rest = rules
        if rules & everybody == everybody:
            alike |= 1 << number
            rest = Rules(rules.sure & ~everybody.sure, rules.possible & ~everybody.possible)
        for rule in numbers(rest.possible):
            possible[rule] |= 1 << number
        for rule in numbers(rest.sure):
            sure[rule] |= 1 << number
    for rule in numbers(everybody.possible):
        possible[rule] |= alike
    for rule in numbers(everybody.sure):
        sure[rule] |= alike
    return [Bits(*both) for both in zip(sure, possible, strict=True)]


def _take(
    left: list[tuple[int, int]], databases: Bits, users: Bits, surely: bool
) -> tuple[list[tuple[int, int]], list[tuple[int, int, bool]]]:
    """Take a rule's part of what is left; what then is left, and the parts with whether they are open."""
    rest: list[tuple[int, int]] = []
    taken: list[tuple[int, int, bool]] = []
    for group, logins in left:
        fitting = logins & users.possible
        hit = group & databases.possible
        if not fitting or not hit:
            rest.append((group, logins))
            continue
        if hit != group:
            rest.append((group & ~hit, logins))
        for part, exact in ((hit & databases.sure, surely), (hit & ~databases.sure, False)):
            if part:
                gone = fitting & users.sure if exact else 0
                if gone:
                    taken.append((part, gone, False))
                if fitting != gone:
                    taken.append((part, fitting & ~gone, True))
                if logins != gone:
                    rest.append((part, logins & ~gone))
    return rest, taken
