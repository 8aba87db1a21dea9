"""pg_hba.conf by its first match: which rule decides for whom, and which never does.

PostgreSQL manual, 20.1: the first rule whose type, database, user and address fit decides, and
nothing falls through. What the snapshot cannot tell stays open: a host name, the server's own
networks or a pattern that only PostgreSQL understands may match, and takes nothing away from the
rules below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.access import connectors
from pgguard.analysis.addresses import LOOPBACK, Addresses
from pgguard.analysis.hba_index import REPLICATION, Decision, Rules, Walk, index
from pgguard.analysis.hba_rules import (
    LOCAL,
    PLAIN,
    TLS,
    WAYS,
    authenticates,
    beyond_loopback,
    require_loaded,
    rules,
    ways,
)
from pgguard.analysis.membership import members
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.hba_index import Index
    from pgguard.model.rows import HbaRule, Role
    from pgguard.model.snapshot import Snapshot

# a limit of 0 connections holds up physical replication only before this version
_LIMITS_SPARE_REPLICATION = 13


class Entry(NamedTuple):
    """A part of what one rule decides: these logins, into these databases, these ways, from these addresses.

    Databases may be `REPLICATION`; ways are those of `hba_rules.WAYS`. `open` tells that the rule may
    decide, depending on what the snapshot cannot tell.
    """

    rule: HbaRule
    roles: tuple[str, ...]
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
        if self.ways == {LOCAL} or self.rule.address == "samehost":
            return False
        return not self.addresses.within(allowed)


def decisions(snapshot: Snapshot) -> tuple[Entry, ...]:
    """What each rule decides, of all that would be let in once the rule's method is content.

    That is logins which the server takes into the database (or for replication), by every way in.
    Raises `Unread` when rules, roles, memberships or databases could not be read.
    """
    known: tuple[Entry, ...] | None = snapshot._memo.get("hba decisions")
    if known is None:
        known = snapshot._memo["hba decisions"] = tuple(_decide(snapshot))
    return known


def deciding(snapshot: Snapshot, wanted: Callable[[HbaRule], bool]) -> dict[HbaRule, list[Entry]]:
    """The entries of the rules asked for, by rule in the file's order; without rules that decide nothing."""
    found: dict[HbaRule, list[Entry]] = {}
    for entry in decisions(snapshot):
        if wanted(entry.rule):
            found.setdefault(entry.rule, []).append(entry)
    return dict(sorted(found.items(), key=lambda item: item[0].number))


def in_force(snapshot: Snapshot, wanted: Callable[[HbaRule], bool]) -> Iterator[tuple[HbaRule, list[Entry]]]:
    """The rules asked for, each with what it decides; without those that earlier rules cover.

    A rule that fits no login of today comes with no entries: it waits for one. Raises `Unread` at the
    end when the file is not what the server has loaded, so that nobody takes the answer for whole.
    """
    found = deciding(snapshot, wanted)
    dead = {rule.number for rule, _ in shadowed(snapshot)}
    for rule in rules(snapshot):
        if wanted(rule) and rule.number not in dead:
            yield rule, found.get(rule, [])
    require_loaded(snapshot)


def unauthenticated(snapshot: Snapshot) -> tuple[Entry, ...]:
    """Everything that is let in without any authentication, in the file's order."""
    found = deciding(snapshot, lambda rule: not authenticates(rule))
    return tuple(entry for entries in found.values() for entry in entries)


def shadowed(snapshot: Snapshot) -> tuple[tuple[HbaRule, tuple[HbaRule, ...]], ...]:
    """The rules that fit somebody but never decide, each with the earlier rules that take its place.

    Judged for every role and database there is and for those still to come: names that only rules
    mention, members of the groups that they mention, and names that nobody has thought of yet.
    """
    known: tuple[tuple[HbaRule, tuple[HbaRule, ...]], ...] | None = snapshot._memo.get("hba shadowed")
    if known is None:
        known = snapshot._memo["hba shadowed"] = tuple(_shadowed(snapshot))
    return known


def login_names(entries: Iterable[Entry]) -> list[str]:
    """The logins of entries, in order of name."""
    return sorted({role for entry in entries for role in entry.roles})


def who(entries: Iterable[Entry], most: int = 4) -> str:
    """The logins of a rule's entries in prose."""
    names = login_names(entries)
    if not names:
        return "no login of today"
    listed = ", ".join(ident(name) for name in names[:most]) + (" ..." if len(names) > most else "")
    return f"{len(names)} login{'s' if len(names) > 1 else ''} ({listed})"


def clear_text(entries: Sequence[Entry], rule: HbaRule) -> bool:
    """Whether the rule serves clients of other machines without encryption."""
    if not entries:
        return PLAIN in ways(rule) and beyond_loopback(rule)
    return any(PLAIN in entry.ways and entry.remote for entry in entries)


def open_ways(snapshot: Snapshot) -> tuple[str, ...]:
    """The ways in that the server has: TLS only where it is switched on."""
    off = snapshot.has_setting("ssl") and snapshot.setting("ssl").value == "off"
    return tuple(way for way in WAYS if not (way == TLS and off))


# Classes of logins and databases -----------------------------------------------------------------


class _Login(NamedTuple):
    """What tells logins apart: the rules that fit, the groups of databases that take them, special databases.

    Special are the database of the login's own name and those named like a role it is a member of, as
    far as some rule asks for that.
    """

    rules: Rules
    enters: frozenset[int]
    replicates: bool
    own: str
    by_membership: frozenset[str]


def _decide(snapshot: Snapshot) -> Iterator[Entry]:
    known = index(snapshot)
    takers: dict[frozenset[str], int] = {}
    places: dict[tuple[int, Rules], list[str]] = {}
    for row in snapshot.databases:
        taker = takers.setdefault(connectors(snapshot, row.name), len(takers))
        places.setdefault((taker, known.of_database(row.name)), []).append(row.name)
    open_to = open_ways(snapshot)
    for login, roles in _classes(snapshot, known, takers).items():
        walks: dict[Rules, list[str]] = {}
        for (taker, fitting), names in places.items():
            if taker in login.enters:
                for name in names if login.own or login.by_membership else ():
                    if name == login.own or name in login.by_membership:
                        own = known.of_database(
                            name, own=name == login.own, by_membership=name in login.by_membership
                        )
                        walks.setdefault(login.rules & own, []).append(name)
                rest = [name for name in names if name != login.own and name not in login.by_membership]
                if rest:
                    walks.setdefault(login.rules & fitting, []).extend(rest)
        if login.replicates:
            walks.setdefault(login.rules & known.of_database(REPLICATION), []).append(REPLICATION)
        for fitting, databases in walks.items():
            yield from _entries(known, fitting, open_to, tuple(roles), tuple(sorted(databases)))


def _classes(
    snapshot: Snapshot, known: Index, takers: Mapping[frozenset[str], int]
) -> Mapping[_Login, list[str]]:
    own_matters = bool(known.databases.keyword("sameuser").possible)
    names = {row.name for row in snapshot.databases}
    namesakes: dict[str, set[str]] = {}
    if known.databases.keyword("samerole").possible:
        for name in names:
            for member in (name, *members(snapshot, name)) if snapshot.role(name) is not None else ():
                namesakes.setdefault(member, set()).add(name)
    found: dict[_Login, list[str]] = {}
    for role in snapshot.roles:
        if role.login:
            login = _Login(
                known.of_user(role.name),
                frozenset(number for taking, number in takers.items() if role.name in taking),
                replicates(snapshot, role),
                role.name if own_matters and role.name in names else "",
                frozenset(namesakes.get(role.name, ())),
            )
            found.setdefault(login, []).append(role.name)
    return found


def replicates(snapshot: Snapshot, role: Role) -> bool:
    """Whether the server takes the role for physical replication, once pg_hba.conf has let it pass."""
    held_up = role.connection_limit == 0 and snapshot.major < _LIMITS_SPARE_REPLICATION
    return role.superuser or (role.replication and not held_up)


def _entries(
    known: Index, fitting: Rules, open_to: Sequence[str], roles: tuple[str, ...], databases: tuple[str, ...]
) -> Iterator[Entry]:
    walks = _walks(known, fitting, open_to)
    # ways that end alike are one entry; the socket never ends like the network
    apart = len(walks) > 2
    parts: dict[object, tuple[Decision, set[str]]] = {}
    for walk, through in walks:
        for decision in walk.decisions:
            key = decision if apart else id(decision)
            parts.setdefault(key, (decision, set()))[1].update(through)
    for (number, addresses, is_open), together in parts.values():
        yield Entry(known.rules[number], roles, databases, frozenset(together), addresses, is_open)


def _walks(known: Index, fitting: Rules, open_to: Sequence[str]) -> list[tuple[Walk, list[str]]]:
    """The walks for some rules, each with the ways in that share it."""
    found: dict[int, tuple[Walk, list[str]]] = {}
    for way in open_to:
        walk = known.walk(fitting, way)
        found.setdefault(id(walk), (walk, []))[1].append(way)
    return list(found.values())


# Rules that never decide -------------------------------------------------------------------------


def _shadowed(snapshot: Snapshot) -> Iterator[tuple[HbaRule, tuple[HbaRule, ...]]]:
    known = index(snapshot)
    open_to = open_ways(snapshot)
    for number, rule in enumerate(known.rules):
        of_rule = [way for way in open_to if way in ways(rule)]
        walks = [
            walk
            for fitting in known.witnesses(snapshot, number)
            for walk, _ in _walks(known, fitting, of_rule)
        ]
        if any(number in walk.deciding for walk in walks):
            continue
        fits = known.fits[number].possible
        took = {
            decision.number
            for walk in walks
            for decision in walk.decisions
            if decision.number < number and not decision.open and decision.addresses & fits
        }
        if took:
            yield rule, tuple(known.rules[one] for one in sorted(took))
