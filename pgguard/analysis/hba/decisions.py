"""What each rule of pg_hba.conf decides, over all logins, databases, ways in and addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.access import connectors
from pgguard.analysis.addresses import LOOPBACK, Addresses, joined
from pgguard.analysis.hba.index import REPLICATION, index, numbers
from pgguard.analysis.hba.rules import LOCAL, TLS, WAYS
from pgguard.analysis.hba.space import Bits, Space, Taken, turned
from pgguard.analysis.logins import Logins, universe
from pgguard.analysis.membership import members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.hba.index import Index, Rules
    from pgguard.analysis.hba.words import Word
    from pgguard.analysis.logins import Universe
    from pgguard.model.rows import HbaRule, Role
    from pgguard.model.snapshot import Snapshot

# a limit of 0 connections holds up physical replication only before this version
_LIMITS_SPARE_REPLICATION = 13
# what databases have in common: rules and the logins that the server takes there, and a name of its
# own where sameuser or samerole makes it special to a login
_Class = tuple[str, "Rules", frozenset[str]]


class Entry(NamedTuple):
    """A part of what one rule decides: these logins, into these databases, these ways, from these addresses.

    Databases may be `REPLICATION`; ways are those of `rules.WAYS`. `open` tells that the rule may
    decide, depending on what the snapshot cannot tell; the entries of rules below it are what is theirs
    if it does not.
    """

    rule: HbaRule
    logins: Logins
    databases: tuple[str, ...]
    ways: frozenset[str]
    addresses: Addresses
    open: bool

    @property
    def remote(self) -> bool:
        """Whether clients of other machines are among them."""
        return self.beyond(LOOPBACK)

    def beyond(self, allowed: Addresses) -> bool:
        """Whether clients over the network from other addresses than those are among them."""
        if LOCAL in self.ways or self.rule.address == "samehost":
            return False
        return not self.addresses.within(allowed)


def decisions(snapshot: Snapshot) -> tuple[Entry, ...]:
    """What each rule decides, in the file's order, of all that is let in once the rule's method is content.

    That is logins which the server takes into the database (or for replication), by every way in.
    Raises `Unread` when rules, roles, memberships or databases could not be read.
    """
    known: tuple[Entry, ...] | None = snapshot._memo.get("hba decisions")
    if known is None:
        known = snapshot._memo["hba decisions"] = tuple(_decide(snapshot))
    return known


def open_ways(snapshot: Snapshot) -> tuple[str, ...]:
    """The ways in that the server has: TLS only where it is switched on."""
    off = snapshot.has_setting("ssl") and snapshot.setting("ssl").value == "off"
    return tuple(way for way in WAYS if not (way == TLS and off))


def replicates(snapshot: Snapshot, role: Role) -> bool:
    """Whether the server takes the role for physical replication, once pg_hba.conf has let it pass."""
    held_up = role.connection_limit == 0 and snapshot.major < _LIMITS_SPARE_REPLICATION
    return role.superuser or (role.replication and not held_up)


def _decide(snapshot: Snapshot) -> Iterator[Entry]:
    known, logins = index(snapshot), universe(snapshot)
    classes = _database_classes(snapshot, known)
    start: dict[int, int] = {}
    for number, (_, _, taking) in enumerate(classes):
        bits = logins.bits(taking)
        start[bits] = start.get(bits, 0) | 1 << number
    space = Space(
        known,
        _user_bits(snapshot, known, logins),
        turned([fitting for _, fitting, _ in classes], known.databases.keyword("all"), len(known.rules)),
        [(databases, users) for users, databases in start.items()],
        namesakes(snapshot, known, [name for name, _, _ in classes], logins.bits),
    )
    found: dict[Taken, dict[str, list[tuple[int, int]]]] = {}
    settled: dict[tuple[int, int], list[Taken]] = {}
    for way, possible, sure, ranges in space.piles(open_ways(snapshot)):
        if (possible, sure) not in settled:
            settled[possible, sure] = list(space.settle(possible, sure))
        for taken in settled[possible, sure]:
            found.setdefault(taken, {}).setdefault(way, []).extend(ranges)
    # databases to which the same logins get in the same way are one part, whatever else tells them apart
    parts: dict[tuple[int, int, bool, Addresses, frozenset[str]], int] = {}
    for taken, by_way in found.items():
        alike: dict[Addresses, set[str]] = {}
        for way, ranges in by_way.items():
            alike.setdefault(joined(ranges), set()).add(way)
        for addresses, ways in alike.items():
            part = (taken.number, taken.users, taken.open, addresses, frozenset(ways))
            parts[part] = parts.get(part, 0) | taken.databases
    names = list(classes.values())
    for part in sorted(parts, key=lambda one: one[0]):
        rule, users, is_open, addresses, through = part
        databases = sorted(name for number in numbers(parts[part]) for name in names[number])
        yield Entry(known.rules[rule], Logins(logins, users), tuple(databases), through, addresses, is_open)


def namesakes(
    snapshot: Snapshot, known: Index, databases: Sequence[str], bits_of: Callable[[Iterable[str]], int]
) -> Mapping[int, Mapping[int, Bits]]:
    """By rule and number of the database, the users that sameuser and samerole fit there.

    A database without a name is nobody's namesake.
    """
    found: dict[int, dict[int, Bits]] = {}
    for number, name in enumerate(databases):
        group = (name, *members(snapshot, name)) if name and snapshot.role(name) is not None else ()
        for kind, some in (("sameuser", (name,)), ("samerole", group)):
            bits = bits_of(some) if name else 0
            fitting = known.databases.keyword(kind)
            for rule in numbers(fitting.possible if bits else 0):
                before = found.setdefault(rule, {}).get(number, Bits(0, 0))
                sure = bits if fitting.sure >> rule & 1 else 0
                found[rule][number] = Bits(before.sure | sure, before.possible | bits)
    return found


def _database_classes(snapshot: Snapshot, known: Index) -> dict[_Class, list[str]]:
    """Databases by the rules that fit and the logins that the server takes there.

    A database that sameuser or samerole makes special to a login is a class of its own, with its name.
    """
    special = any(known.databases.keyword(kind).possible for kind in ("sameuser", "samerole"))
    found: dict[_Class, list[str]] = {}
    for row in snapshot.databases:
        name = row.name if special and snapshot.role(row.name) is not None else ""
        key = (name, known.of_database(row.name), connectors(snapshot, row.name))
        found.setdefault(key, []).append(row.name)
    streaming = frozenset(role.name for role in snapshot.roles if replicates(snapshot, role))
    found.setdefault(("", known.of_database(REPLICATION), streaming), []).append(REPLICATION)
    return found


def _user_bits(snapshot: Snapshot, known: Index, logins: Universe) -> list[Bits]:
    """For each rule, the logins that its user field fits."""
    seen: dict[tuple[str, str], Bits] = {}

    def of_word(word: Word) -> Bits:
        key = (word.kind, word.text)
        if key not in seen:
            seen[key] = _of_word(snapshot, logins, word)
        sure, possible = seen[key]
        return Bits(sure if word.sure else 0, possible)

    found = []
    for meaning in known.meanings:
        sure = possible = 0
        for word in meaning.users:
            bits = of_word(word)
            sure |= bits.sure
            possible |= bits.possible
        found.append(Bits(sure, possible))
    return found


def _of_word(snapshot: Snapshot, logins: Universe, word: Word) -> Bits:
    if word.kind == "all":
        return Bits(logins.everybody, logins.everybody)
    if word.kind == "group":
        if snapshot.role(word.text) is None:
            return Bits(0, 0)
        bits = logins.bits((word.text, *members(snapshot, word.text)))
        return Bits(bits, bits)
    if word.kind == "pattern":
        answers = {name: word.names(name) for name in logins.names}
        sure = logins.bits(name for name, fits in answers.items() if fits)
        return Bits(sure, sure | logins.bits(name for name, fits in answers.items() if fits is None))
    bits = logins.bits([word.text])
    return Bits(bits, bits)
