"""Sets of network addresses: what rules of pg_hba.conf accept, as ranges that can be cut exactly.

IPv4 and IPv6 lie on one line of integers, IPv4 first, so that one algebra serves both; a rule for
0.0.0.0/0 never matches an IPv6 client and the other way round (manual, 20.1 The pg_hba.conf File).
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_V6 = 1 << 32
_END = _V6 + (1 << 128)
# ranges that no packet from the internet comes from (RFC 1918, 4193, 3927, 4291, 6598)
_PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
_LOOPBACK = ("127.0.0.0/8", "::1/128")
# a netmask with holes (255.0.255.0) falls apart into ranges; more than these are not spelled out
_MOST_RANGES = 4096


class Addresses(NamedTuple):
    """A set of addresses as sorted, disjoint, inclusive ranges."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __and__(self, other: Addresses) -> Addresses:
        return Remaining(self).overlap(other)

    def __sub__(self, other: Addresses) -> Addresses:
        remaining = Remaining(self)
        remaining.cut(other)
        return remaining.addresses()

    def __or__(self, other: Addresses) -> Addresses:
        return joined([*self.ranges, *other.ranges])

    def within(self, other: Addresses) -> bool:
        """Whether every address of this set is in the other."""
        for low, high in self.ranges:
            # neighbours are joined, so one range of the other has to hold the whole of ours
            at = bisect_left(other.ranges, (low + 1,)) - 1
            if at < 0 or other.ranges[at][1] < high:
                return False
        return True

    def networks(self, most: int | None = 6) -> str:
        """The set in CIDR notation, cut after `most` networks (None: all of them)."""
        names: list[str] = []
        for network in self.each_network():
            if len(names) == most:
                return ", ".join(names) + " and more"
            names.append(network)
        return ", ".join(names)

    def each_network(self) -> Iterator[str]:
        """The networks in CIDR notation that the set is made of, in order."""
        for low, high in self.ranges:
            for network in _summarised(low, high):
                yield str(network)


class Remaining:
    """Addresses that nothing has taken yet: cut again and again, each cut in logarithmic time."""

    def __init__(self, addresses: Addresses) -> None:
        self._lows = [low for low, _ in addresses.ranges]
        self._highs = [high for _, high in addresses.ranges]

    def __bool__(self) -> bool:
        return bool(self._lows)

    def addresses(self) -> Addresses:
        """What is left."""
        return Addresses(tuple(zip(self._lows, self._highs, strict=True)))

    def overlap(self, other: Addresses) -> Addresses:
        """The part of the other set that is left."""
        found: list[tuple[int, int]] = []
        for low, high in other.ranges:
            at = bisect_left(self._highs, low)
            while at < len(self._lows) and self._lows[at] <= high:
                found.append((max(low, self._lows[at]), min(high, self._highs[at])))
                at += 1
        return Addresses(tuple(found))

    def cut(self, other: Addresses) -> None:
        """Take the other set away."""
        for low, high in other.ranges:
            start = bisect_left(self._highs, low)
            end = start
            while end < len(self._lows) and self._lows[end] <= high:
                end += 1
            if start == end:
                continue
            kept = []
            if self._lows[start] < low:
                kept.append((self._lows[start], low - 1))
            if high < self._highs[end - 1]:
                kept.append((high + 1, self._highs[end - 1]))
            self._lows[start:end] = [one for one, _ in kept]
            self._highs[start:end] = [one for _, one in kept]


def parse(networks: Iterable[str]) -> Addresses:
    """The union of networks in CIDR notation or single addresses.

    Raises `ValueError` for what is neither.
    """
    found: list[tuple[int, int]] = []
    for text in networks:
        network = ipaddress.ip_network(text, strict=False)
        base = 0 if network.version == 4 else _V6
        found.append((base + int(network.network_address), base + int(network.broadcast_address)))
    return joined(found)


def single(text: str) -> Addresses:
    """One client's address, as the server sees it: an IPv4 address mapped into IPv6 is the IPv4 address.

    Raises `ValueError` for what is not one address.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return parse([str(address)])


def masked(address: str, netmask: str) -> Addresses | None:
    """The addresses that equal `address` in the bits of `netmask`; None where that is too many ranges.

    PostgreSQL takes any netmask, also one with holes. Raises `ValueError` for what is not an address.
    """
    first, mask = ipaddress.ip_address(address), ipaddress.ip_address(netmask)
    if first.version != mask.version:
        return Addresses()
    base = 0 if first.version == 4 else _V6
    free = ~int(mask) & ((1 << first.max_prefixlen) - 1)
    start = int(first) & int(mask)
    # the free bits below the lowest set bit of the mask are one range, each one above doubles the ranges
    tail = free & ~(free + 1)
    holes = [1 << bit for bit in range(first.max_prefixlen) if (free ^ tail) >> bit & 1]
    if 1 << len(holes) > _MOST_RANGES:
        return None
    starts = [start]
    for hole in holes:
        starts += [one | hole for one in starts]
    return joined([(base + one, base + one + tail) for one in starts])


def boundaries(
    sets: Iterable[tuple[Addresses, Addresses]],
) -> list[tuple[int, int, int, int]]:
    """The address space cut wherever one of the sets begins or ends, as (low, high, first, second).

    Of each pair the bits in `first` tell whose first set holds the range, those in `second` whose second.
    """
    turns: dict[int, list[int]] = {0: [0, 0], _V6: [0, 0], _END: [0, 0]}
    for number, pair in enumerate(sets):
        for place, addresses in enumerate(pair):
            for low, high in addresses.ranges:
                for edge in (low, high + 1):
                    turns.setdefault(edge, [0, 0])[place] ^= 1 << number
    found = []
    first = second = 0
    edges = sorted(turns)
    for low, after in pairwise(edges):
        first ^= turns[low][0]
        second ^= turns[low][1]
        found.append((low, after - 1, first, second))
    return found


def joined(ranges: Iterable[tuple[int, int]]) -> Addresses:
    """The union of ranges in any order."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        # the last IPv4 and the first IPv6 address are neighbours only in this representation
        if merged and low <= merged[-1][1] + 1 and low != _V6:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return Addresses(tuple(merged))


EVERYWHERE = Addresses(((0, _V6 - 1), (_V6, _END - 1)))
LOOPBACK = parse(_LOOPBACK)
PRIVATE = parse(_PRIVATE)


def _summarised(low: int, high: int) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    if low < _V6:
        return ipaddress.summarize_address_range(ipaddress.IPv4Address(low), ipaddress.IPv4Address(high))
    return ipaddress.summarize_address_range(
        ipaddress.IPv6Address(low - _V6), ipaddress.IPv6Address(high - _V6)
    )
