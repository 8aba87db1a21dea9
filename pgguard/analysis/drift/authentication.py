"""Who gets in from where by which method now: pg_hba.conf decided on both sides over sets, and subtracted.

What pg_hba.conf itself is not changed for counts too: a new login, CONNECT, a password of another kind.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.addresses import Addresses, boundaries, joined
from pgguard.analysis.admission import admissions
from pgguard.analysis.drift.difference import Difference, Direction
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.rules import (
    GSS,
    LOCAL,
    PLAIN,
    TLS,
    accepted,
    is_named,
    place,
    proves_certificate,
    wants_certificate,
    written_address,
)
from pgguard.analysis.logins import Universe
from pgguard.model.finding import Severity
from pgguard.model.quote import ident
from pgguard.model.section import Missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.drift.comparison import Comparison
    from pgguard.analysis.hba.decisions import Entry
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

# what proves least comes first; of others none is taken for weaker than another
_STRENGTH: Mapping[str, int] = {
    "trust": 0, "ident": 1, "password": 2, "pam": 2, "bsd": 2, "ldap": 2, "radius": 2, "md5": 3,
}  # fmt: skip
_STRONG = 4
_MOST_PLACES = 3
_OF_VIEW = ("verifiers", "hba_quotes")


class Demand(NamedTuple):
    """What a rule asks of a client: method, options, and whether a certificate has to name the login."""

    method: str
    options: tuple[str, ...]
    certificate: bool
    any_certificate: bool

    @property
    def strength(self) -> int:
        """0 for nothing at all."""
        own = _STRENGTH.get(self.method, _STRONG)
        return _STRONG + 1 if self.certificate else max(own, int(self.any_certificate))

    def __str__(self) -> str:
        return f"{self.method} with a client certificate" if self.any_certificate else self.method


class _Part(NamedTuple):
    """What one side lets in, in numbers of a common universe."""

    demand: Demand
    rule: HbaRule
    logins: int
    atoms: frozenset[int]
    ways: frozenset[str]
    addresses: Addresses
    open: bool


class _Change(NamedTuple):
    """newly (`was` empty), no longer (`now` empty), or by another demand; `rule` as `now` or `was` has it."""

    was: Demand | None
    now: Demand | None
    rule: HbaRule
    perhaps: bool


class Move(NamedTuple):
    """A part of the ways in that moved: `was` None where nobody was let in, `now` None where nobody is.

    The logins bear the names of today; databases may be `REPLICATION`.
    """

    was: Demand | None
    now: Demand | None
    rule: HbaRule
    perhaps: bool
    logins: frozenset[str]
    databases: tuple[str, ...]
    ways: frozenset[str]
    addresses: Addresses


def find(comparison: Comparison) -> Iterator[Difference]:
    """The differences. Needs hba_rules, roles, memberships, databases, cluster_acls and settings."""
    told: dict[tuple[Demand | None, Demand | None, bool, frozenset[str], tuple[str, ...]], list[_Place]] = {}
    for one in moves(comparison):
        # of a login that is gone it is said that it is gone
        left = frozenset(name for name in one.logins if one.now or comparison.after.role(name) is not None)
        if left:
            key = (one.was, one.now, one.perhaps, left, one.databases)
            told.setdefault(key, []).append(_Place(one.rule, one.addresses, one.ways))
    for (was, now, perhaps, logins, databases), places in told.items():
        yield _difference(was, now, perhaps, logins, databases, places)


def moves(comparison: Comparison) -> Iterator[Move]:
    """Every part of the ways in that is decided otherwise than before, each once.

    Raises `Unread` when rules, roles, memberships or databases could not be read.
    """
    before, after = _alike(comparison.as_read, comparison.after)
    old, new = admissions(before), admissions(after)
    ways = _ways(before, after)
    names = comparison.renamed
    universe = Universe(
        {names.get(name, name) for entry in old for name in entry.logins}
        | {name for entry in new for name in entry.logins}
    )
    atoms = _atoms([*old, *new])
    was = [_part(one, universe, atoms, ways, names) for one in old if one.ways & ways]
    now = [_part(one, universe, atoms, ways, {}) for one in new if one.ways & ways]
    if [_content(one) for one in was] == [_content(one) for one in now]:
        return
    for change, pieces in _changes(was, now).items():
        yield from _joined(change, pieces, universe, atoms)


def _alike(before: Snapshot, after: Snapshot) -> tuple[Snapshot, Snapshot]:
    """Both sides without what only one of them could read, which would pass for a change."""
    for name in _OF_VIEW:
        if name in before.missing() or name in after.missing():
            gone = Missing("one of the two snapshots has it not")
            before, after = before.replaced(**{name: gone}), after.replaced(**{name: gone})
    return before, after


def _ways(*snapshots: Snapshot) -> frozenset[str]:
    spoken = any(
        rule.method == "gss" or rule.type == "hostgssenc" for one in snapshots for rule in one.hba_rules
    )
    return frozenset({LOCAL, PLAIN, TLS} | ({GSS} if spoken else set()))


def _atoms(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """The databases in groups that no entry tells apart."""
    signatures: dict[str, int] = {}
    for number, group in enumerate(dict.fromkeys(entry.databases for entry in entries)):
        for name in group:
            signatures[name] = signatures.get(name, 0) | 1 << number
    groups: dict[int, list[str]] = {}
    for name, signature in signatures.items():
        groups.setdefault(signature, []).append(name)
    return [tuple(sorted(some)) for some in groups.values()]


def _part(
    entry: Entry,
    universe: Universe,
    atoms: Sequence[tuple[str, ...]],
    ways: frozenset[str],
    renamed: Mapping[str, str],
) -> _Part:
    rule = entry.rule
    databases = set(entry.databases)
    return _Part(
        Demand(rule.method, tuple(sorted(rule.options)), proves_certificate(rule), wants_certificate(rule)),
        rule,
        universe.bits(renamed.get(name, name) for name in entry.logins),
        frozenset(number for number, some in enumerate(atoms) if some[0] in databases),
        entry.ways & ways,
        entry.addresses,
        entry.open,
    )


def _content(part: _Part) -> tuple[object, ...]:
    return (part.demand, part.logins, part.atoms, part.ways, part.addresses, part.open)


_Pieces = dict[tuple[int, int, str], list[tuple[int, int]]]


def _changes(was: Sequence[_Part], now: Sequence[_Part]) -> dict[_Change, _Pieces]:
    """What changed, as ranges of addresses by logins, group of databases and way in."""
    parts = [*was, *now]
    old_ones = (1 << len(was)) - 1
    of_way: dict[str, int] = {}
    for number, part in enumerate(parts):
        for way in part.ways:
            of_way[way] = of_way.get(way, 0) | 1 << number
    piles: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for low, high, bits, _ in boundaries((part.addresses, Addresses()) for part in parts):
        for way, mask in of_way.items():
            if bits & mask:
                piles.setdefault((way, bits & mask), []).append((low, high))
    found: dict[_Change, _Pieces] = {}
    for (way, bits), ranges in piles.items():
        before = [parts[number] for number in _numbers(bits & old_ones)]
        after = [parts[number] for number in _numbers(bits & ~old_ones)]
        for atom in {atom for part in (*before, *after) for atom in part.atoms}:
            for change, logins in _at(
                [one for one in before if atom in one.atoms], [one for one in after if atom in one.atoms]
            ):
                found.setdefault(change, {}).setdefault((logins, atom, way), []).extend(ranges)
    return found


def _at(before: Sequence[_Part], after: Sequence[_Part]) -> Iterator[tuple[_Change, int]]:
    """What changed at one place: for whom as bits."""
    was, now = _by_demand(before), _by_demand(after)
    let_in, lets_in = _all(before), _all(after)
    for part in after:
        gained = part.logins & ~was.get(part.demand, 0)
        if gained & ~let_in:
            yield _Change(None, part.demand, part.rule, part.open), gained & ~let_in
        for demand, logins in was.items():
            if gained & logins:
                yield _Change(demand, part.demand, part.rule, part.open), gained & logins
    for part in before:
        lost = part.logins & ~now.get(part.demand, 0) & ~lets_in
        if lost:
            yield _Change(part.demand, None, part.rule, part.open), lost


def _by_demand(parts: Iterable[_Part]) -> dict[Demand, int]:
    found: dict[Demand, int] = {}
    for part in parts:
        found[part.demand] = found.get(part.demand, 0) | part.logins
    return found


def _all(parts: Iterable[_Part]) -> int:
    found = 0
    for part in parts:
        found |= part.logins
    return found


class _Place(NamedTuple):
    """Where some logins get in from, and the rule that decides there."""

    rule: HbaRule
    addresses: Addresses
    ways: frozenset[str]

    def __str__(self) -> str:
        return f"{_origin(self)}: {place(self.rule)}"


def _joined(
    change: _Change, pieces: _Pieces, universe: Universe, atoms: Sequence[tuple[str, ...]]
) -> Iterator[Move]:
    by_ranges: dict[tuple[int, int, Addresses], set[str]] = {}
    for (logins, atom, way), ranges in pieces.items():
        by_ranges.setdefault((logins, atom, joined(ranges)), set()).add(way)
    by_place: dict[tuple[int, Addresses, frozenset[str]], list[str]] = {}
    for (logins, atom, addresses), ways in by_ranges.items():
        by_place.setdefault((logins, addresses, frozenset(ways)), []).extend(atoms[atom])
    for (logins, addresses, through), databases in by_place.items():
        names = universe.spelled(logins)
        yield Move(*change, names, tuple(sorted(databases)), through, addresses)


def _difference(
    was: Demand | None,
    now: Demand | None,
    perhaps: bool,
    logins: Iterable[str],
    databases: Sequence[str],
    places: list[_Place],
) -> Difference:
    places.sort(key=lambda one: (one.rule.number, LOCAL not in one.ways, one.addresses))
    can = "can perhaps" if perhaps else "can"
    if now is None:
        does, tail = f"{can} no longer get in by {was}, into", ""
    elif was is None:
        does, tail = f"{can} now get in by {now}, into", ""
    else:
        options = "other options of " if was.method == now.method else ""
        does, tail = f"{can} now get in by {options}{now}, into", f"; before: {was}"
    into = [ident(name) for name in databases if name != REPLICATION]
    if REPLICATION in databases:
        into.append("the whole cluster (replication)")
    direction = _direction(was, now)
    return Difference(
        "authentication",
        direction,
        max(_severity(now, one, direction) for one in places),
        "login",
        tuple(sorted(map(ident, logins))),
        does,
        tuple(into),
        "database",
        f"({'; '.join(map(str, places[:_MOST_PLACES]))}{_more(len(places))}{tail})",
    )


def _more(count: int) -> str:
    return f" and {count - _MOST_PLACES} more places" if count > _MOST_PLACES else ""


def _direction(was: Demand | None, now: Demand | None) -> Direction:
    if was is None:
        return Direction.WIDENED
    if now is None or now.strength > was.strength:
        return Direction.NARROWED
    return Direction.WIDENED if now.strength < was.strength else Direction.CHANGED


def _severity(now: Demand | None, place: _Place, direction: Direction) -> Severity:
    if now is None or direction is Direction.NARROWED:
        return Severity.LOW
    if now.strength == 0:
        return Severity.CRITICAL
    if LOCAL in place.ways:
        return Severity.MEDIUM
    return Severity.HIGH if PLAIN in place.ways or now.strength < _STRONG else Severity.MEDIUM


def _origin(place: _Place) -> str:
    if LOCAL in place.ways:
        return "by the socket"
    if PLAIN in place.ways:
        how = "with or without TLS" if TLS in place.ways else "unencrypted"
    else:
        how = "over TLS" if TLS in place.ways else "with GSSAPI encryption"
    return f"from {_addresses(place)} {how}"


def _addresses(place: _Place) -> str:
    """The addresses as the rule has them, where it decides for all or nearly all of them."""
    rule = place.rule
    if is_named(rule):
        return rule.address
    left_out = list(islice((accepted(rule) - place.addresses).each_network(), _MOST_PLACES + 1))
    if not left_out:
        return written_address(rule)
    if len(left_out) <= _MOST_PLACES:
        return f"{written_address(rule)} without {', '.join(left_out)}"
    return place.addresses.networks(4)


def _numbers(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
