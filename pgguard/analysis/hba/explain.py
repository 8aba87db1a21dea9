"""One connection against pg_hba.conf: the rule that decides, and why the rules before it did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.analysis.hba.decisions import open_ways
from pgguard.analysis.hba.index import Rules, index, numbers
from pgguard.analysis.hba.rules import ways
from pgguard.analysis.membership import all_roles

if TYPE_CHECKING:
    from pgguard.analysis.addresses import Addresses
    from pgguard.analysis.hba.index import Index
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

Reason = Literal["type", "address", "database", "user", "unknown"]


class Connection(NamedTuple):
    """What a client asks for: `way` is one of `rules.WAYS`, `address` its one address.

    `database` is REPLICATION for physical replication; `address` is SOCKET for the local socket.
    """

    user: str
    database: str
    way: str
    address: Addresses


class Passed(NamedTuple):
    """A rule that did not decide; the first of type, address, database and user that does not fit.

    `unknown`: it may fit, by a host name, a pattern or the server's own networks.
    """

    rule: HbaRule
    reason: Reason


class Match(NamedTuple):
    """The rule that decides, None where none fits, and the rules before it that perhaps decide instead."""

    rule: HbaRule | None
    perhaps: tuple[HbaRule, ...]

    @property
    def outcomes(self) -> frozenset[str]:
        """The methods that may be asked for; `none` where no rule fits."""
        last = "none" if self.rule is None else self.rule.method
        return frozenset({last, *(rule.method for rule in self.perhaps)})


def first_match(snapshot: Snapshot, asked: Connection) -> Match:
    """The first rule that fits, for a user and a database that need not exist.

    Raises `Unread` when rules, roles, memberships or databases could not be read.
    """
    known = index(snapshot)
    perhaps: list[HbaRule] = []
    if asked.way not in open_ways(snapshot):
        return Match(None, ())
    fitting = _of_names(snapshot, known, asked) & known.of_way(asked.way)
    for number in numbers(fitting.possible):
        fits = known.fits[number]
        if asked.address.within(fits.possible):
            if fitting.sure >> number & 1 and asked.address.within(fits.sure):
                return Match(known.rules[number], tuple(perhaps))
            perhaps.append(known.rules[number])
    return Match(None, tuple(perhaps))


def passed_over(snapshot: Snapshot, asked: Connection) -> tuple[Passed, ...]:
    """The rules before the one that decides, in order, each with the reason why it did not."""
    known = index(snapshot)
    match = first_match(snapshot, asked)
    before = known.rules[: known.rules.index(match.rule)] if match.rule else known.rules
    of_user = known.of_user(asked.user).possible
    of_names = _of_names(snapshot, known, asked).possible
    found: list[Passed] = []
    for number, rule in enumerate(before):
        if asked.way not in ways(rule):
            reason: Reason = "type"
        elif not asked.address.within(known.fits[number].possible):
            reason = "address"
        elif of_names >> number & 1:
            reason = "unknown"
        else:
            reason = "database" if of_user >> number & 1 else "user"
        found.append(Passed(rule, reason))
    return tuple(found)


def _of_names(snapshot: Snapshot, known: Index, asked: Connection) -> Rules:
    groups = all_roles(snapshot, asked.user) if snapshot.role(asked.user) is not None else {}
    return known.of_user(asked.user) & known.of_database(
        asked.database, own=asked.database == asked.user, by_membership=asked.database in groups
    )
