"""Sets of network addresses: what rules of pg_hba.conf accept, as ranges that can be cut exactly.

IPv4 and IPv6 lie on one line of integers, IPv4 first, so that one algebra serves both; a rule for
0.0.0.0/0 never matches an IPv6 client and the other way round (manual, 20.1 The pg_hba.conf File).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

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


class Addresses(NamedTuple):
    """A set of addresses as sorted, disjoint, inclusive ranges."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __and__(self, other: Addresses) -> Addresses:
        found = []
        for low, high in self.ranges:
            for other_low, other_high in other.ranges:
                if low <= other_high and other_low <= high:
                    found.append((max(low, other_low), min(high, other_high)))
        return Addresses(tuple(sorted(found)))

    def __sub__(self, other: Addresses) -> Addresses:
        left = list(self.ranges)
        for cut_low, cut_high in other.ranges:
            kept = []
            for low, high in left:
                if cut_high < low or high < cut_low:
                    kept.append((low, high))
                    continue
                if low < cut_low:
                    kept.append((low, cut_low - 1))
                if cut_high < high:
                    kept.append((cut_high + 1, high))
            left = kept
        return Addresses(tuple(left))

    def __or__(self, other: Addresses) -> Addresses:
        merged: list[tuple[int, int]] = []
        for low, high in sorted(self.ranges + other.ranges):
            # the last IPv4 and the first IPv6 address are neighbours only in this representation
            if merged and low <= merged[-1][1] + 1 and low != _V6:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return Addresses(tuple(merged))

    def within(self, other: Addresses) -> bool:
        """Whether every address of this set is in the other."""
        return not self - other

    def networks(self, most: int = 6) -> str:
        """The set in CIDR notation, cut after `most` networks."""
        names: list[str] = []
        for low, high in self.ranges:
            for network in _summarised(low, high):
                if len(names) == most:
                    return ", ".join(names) + " and more"
                names.append(str(network))
        return ", ".join(names)


def parse(networks: Iterable[str]) -> Addresses:
    """The union of networks in CIDR notation or single addresses.

    Raises `ValueError` for what is neither.
    """
    found = Addresses()
    for text in networks:
        network = ipaddress.ip_network(text, strict=False)
        base = 0 if network.version == 4 else _V6
        low = base + int(network.network_address)
        found = found | Addresses(((low, base + int(network.broadcast_address)),))
    return found


EVERYWHERE = Addresses(((0, _V6 - 1), (_V6, _END - 1)))
LOOPBACK = parse(_LOOPBACK)
PRIVATE = parse(_PRIVATE)


def _summarised(low: int, high: int) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    if low < _V6:
        return ipaddress.summarize_address_range(ipaddress.IPv4Address(low), ipaddress.IPv4Address(high))
    return ipaddress.summarize_address_range(
        ipaddress.IPv6Address(low - _V6), ipaddress.IPv6Address(high - _V6)
    )
