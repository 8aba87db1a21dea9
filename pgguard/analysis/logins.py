"""Sets of the cluster's logins as bits of one integer: two thousand logins are one and, or or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.snapshot import Snapshot

_FEW = 64


class Universe:
    """The logins of a cluster in order of name, one bit for each."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        self._bit = {name: 1 << number for number, name in enumerate(self.names)}
        self._spelled: dict[int, frozenset[str]] = {}
        self.everybody = (1 << len(self.names)) - 1

    def bits(self, names: Iterable[str]) -> int:
        """The bits of those of the names that are logins."""
        found = 0
        for name in names:
            found |= self._bit.get(name, 0)
        return found

    def spelled(self, bits: int) -> frozenset[str]:
        """The names that bits stand for."""
        known = self._spelled.get(bits)
        if known is None:
            known = self._spelled[bits] = frozenset(self.names[number] for number in _numbers(bits))
        return known


class Logins:
    """A set of logins."""

    __slots__ = ("_universe", "bits")

    def __init__(self, universe: Universe, bits: int) -> None:
        self._universe = universe
        self.bits = bits

    def __bool__(self) -> bool:
        return bool(self.bits)

    def __len__(self) -> int:
        return self.bits.bit_count()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._universe.spelled(self.bits)))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.bits & self._universe.bits([name]))

    def __or__(self, other: Logins) -> Logins:
        return Logins(self._universe, self.bits | other.bits)

    def __sub__(self, other: Logins) -> Logins:
        return Logins(self._universe, self.bits & ~other.bits)

    def __and__(self, other: Logins) -> Logins:
        return Logins(self._universe, self.bits & other.bits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Logins) and other.bits == self.bits

    def __hash__(self) -> int:
        return hash(self.bits)

    def among(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the names that are in the set."""
        return self._universe.spelled(self.bits & self._universe.bits(names))

    def only(self, names: Iterable[str]) -> Logins:
        """Those of the set that are among the names."""
        return Logins(self._universe, self.bits & self._universe.bits(names))

    def restricted(self, bits: int) -> Logins:
        """Those of the set that are in the other one, given as bits of the same universe."""
        return Logins(self._universe, self.bits & bits)


def universe(snapshot: Snapshot) -> Universe:
    """The logins of the snapshot.

    Raises `Unread` when roles could not be read.
    """
    known: Universe | None = snapshot._memo.get("logins")
    if known is None:
        known = snapshot._memo["logins"] = Universe(role.name for role in snapshot.roles if role.login)
    return known


def _numbers(bits: int) -> Iterator[int]:
    if bits.bit_count() > _FEW:
        # for many, reading the digits is faster than taking the bits off one by one
        yield from (number for number, digit in enumerate(reversed(f"{bits:b}")) if digit == "1")
        return
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
