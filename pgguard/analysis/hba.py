"""pg_hba.conf by its first match: which rule decides for whom, and which never does.

PostgreSQL manual, 20.1: the first rule whose type, database, user and address fit decides, and
nothing falls through. What is not in the snapshot stays open: a host name or samenet may match any
address and takes none away from later rules.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.access import may_connect
from pgguard.analysis.addresses import EVERYWHERE, LOOPBACK, Addresses, parse
from pgguard.analysis.membership import all_roles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

REPLICATION = "replication"
NO_AUTHENTICATION = frozenset({"trust"})
# methods by which the server itself, or one it trusts, proves who is there without a password
DIRECTORY = frozenset({"ldap", "radius", "pam", "bsd"})
CLEARTEXT = DIRECTORY | {"password"}
_KINDS = {
    "local": frozenset({"local"}),
    "host": frozenset({"plain", "tls", "gss"}),
    "hostssl": frozenset({"tls"}),
    "hostnossl": frozenset({"plain", "gss"}),
    "hostgssenc": frozenset({"gss"}),
    "hostnogssenc": frozenset({"plain", "tls"}),
}
_LOCAL = Addresses(((0, 0),))


class Entry(NamedTuple):
    """A part of what one rule decides: these logins, into this database, this way, from these addresses.

    `kind` is local, plain, tls or gss; `open` tells that the addresses hang on a name or on samenet.
    """

    rule: HbaRule
    role: str
    database: str
    kind: str
    addresses: Addresses
    open: bool


def line(rule: HbaRule) -> str:
    """The rule as a person wrote it, options left out."""
    address = rule.address
    if rule.netmask and address:
        network = accepted(rule).networks()
        address = network or f"{rule.address} {rule.netmask}"
    parts = [rule.type, ",".join(rule.databases), ",".join(rule.users), address, rule.method]
    return " ".join(part for part in parts if part)


def accepted(rule: HbaRule) -> Addresses:
    """The addresses a rule fits, as far as the file says; empty for local, names and samenet."""
    if rule.type == "local":
        return Addresses()
    if rule.address == "all":
        return EVERYWHERE
    if rule.address == "samehost":
        return LOOPBACK
    try:
        return parse([f"{rule.address}/{_prefix(rule.netmask)}" if rule.netmask else rule.address])
    except ValueError:
        return Addresses()


def is_network(rule: HbaRule) -> bool:
    """Whether the rule is for connections over TCP."""
    return rule.type != "local"


def beyond_loopback(rule: HbaRule) -> bool:
    """Whether the rule fits a client on another machine."""
    if rule.type == "local" or rule.address == "samehost":
        return False
    return _is_open(rule) or not accepted(rule).within(LOOPBACK)


def rules(snapshot: Snapshot) -> tuple[HbaRule, ...]:
    """The rules that the server can load, in order.

    Raises `Unread` when pg_hba_file_rules could not be read.
    """
    return tuple(rule for rule in snapshot.hba_rules if not rule.error)


def decisions(snapshot: Snapshot) -> tuple[Entry, ...]:
    """For every login, database and way in, the parts of the address space and the rule that decides.

    Only connections that would be let in past pg_hba.conf: LOGIN, a database that accepts
    connections, and the CONNECT privilege.
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

    A rule that fits no login of today comes with no entries: it waits for one.
    """
    found = deciding(snapshot, wanted)
    dead = {rule.number for rule, _ in shadowed(snapshot)}
    for rule in rules(snapshot):
        if wanted(rule) and (rule in found or rule.number not in dead):
            yield rule, found.get(rule, [])


def who(entries: list[Entry], most: int = 4) -> str:
    """The logins of a rule's entries in prose."""
    names = login_names(entries)
    if not names:
        return "no login of today"
    listed = ", ".join(names[:most]) + (" ..." if len(names) > most else "")
    return f"{len(names)} login{'s' if len(names) > 1 else ''} ({listed})"


def clear_text(entries: list[Entry], rule: HbaRule) -> bool:
    """Whether the rule serves clients of other machines without encryption."""
    if not entries:
        return "plain" in _KINDS.get(rule.type, ()) and beyond_loopback(rule)
    return any(
        entry.kind == "plain" and (entry.open or not entry.addresses.within(LOOPBACK)) for entry in entries
    )


def proves_certificate(rule: HbaRule) -> bool:
    """Whether the rule wants a client certificate that names the login, whatever its method."""
    return "clientcert=verify-full" in rule.options or rule.method == "cert"


def shadowed(snapshot: Snapshot) -> Iterator[tuple[HbaRule, HbaRule]]:
    """The rules that fit somebody but never decide, each with the earlier rule that takes its place.

    Judged for every role there is and for one that does not exist yet, so that a rule for logins
    still to come is not called dead.
    """
    loaded = rules(snapshot)
    people = [*sorted(role.name for role in snapshot.roles if role.login), None]
    places = [*sorted(row.name for row in snapshot.databases if row.allow_connections), REPLICATION, None]
    alive: set[int] = set()
    taker: dict[int, HbaRule] = {}
    for _user, _database, kind, chain in _chains(snapshot, loaded, people, places):
        left = _LOCAL if kind == "local" else EVERYWHERE
        decided: list[tuple[HbaRule, Addresses]] = []
        for rule in chain:
            fits = _LOCAL if kind == "local" else accepted(rule)
            if _is_open(rule) or fits & left:
                alive.add(rule.number)
            elif rule.number not in taker:
                earlier = next((one for one, addresses in decided if addresses & fits), None)
                if earlier is not None:
                    taker[rule.number] = earlier
            if not _is_open(rule):
                decided.append((rule, fits & left))
                left = left - fits
    for rule in loaded:
        if rule.number not in alive and rule.number in taker:
            yield rule, taker[rule.number]


def _decide(snapshot: Snapshot) -> Iterator[Entry]:
    loaded = rules(snapshot)
    roles = [role for role in snapshot.roles if role.login]
    places = [row.name for row in snapshot.databases if row.allow_connections]
    allowed = {(role.name, place) for place in places for role in roles if may_connect(snapshot, role, place)}
    people = [role.name for role in roles]
    streaming = {role.name for role in roles if role.replication or role.superuser}
    for user, database, kind, chain in _chains(snapshot, loaded, people, [*places, REPLICATION]):
        if user is None or database is None:
            continue
        if database == REPLICATION:
            if user not in streaming:
                continue
        elif (user, database) not in allowed:
            continue
        left = _LOCAL if kind == "local" else EVERYWHERE
        for rule in chain:
            fits = _LOCAL if kind == "local" else accepted(rule)
            part = fits & left
            if part or _is_open(rule):
                yield Entry(rule, user, database, kind, part, _is_open(rule))
            if not _is_open(rule):
                left = left - fits
            if not left:
                break


def _chains(
    snapshot: Snapshot,
    loaded: tuple[HbaRule, ...],
    people: Sequence[str | None],
    places: Sequence[str | None],
) -> Iterator[tuple[str | None, str | None, str, list[HbaRule]]]:
    ways = ["local", "plain", "tls", "gss"]
    if _off(snapshot, "ssl"):
        ways.remove("tls")
    for user in people:
        of_user = [rule for rule in loaded if _fits_user(snapshot, rule, user)]
        for database in places:
            chain = [rule for rule in of_user if _fits_database(snapshot, rule, user, database)]
            for kind in ways:
                fitting = [rule for rule in chain if kind in _KINDS.get(rule.type, ())]
                if fitting:
                    yield user, database, kind, fitting


def _off(snapshot: Snapshot, name: str) -> bool:
    return snapshot.has_setting(name) and snapshot.setting(name).value == "off"


def _fits_user(snapshot: Snapshot, rule: HbaRule, user: str | None) -> bool:
    for name in rule.users:
        if name == "all":
            return True
        if user is None:
            # a login still to come: only a pattern could fit it
            if name.startswith("/") and snapshot.major >= 16:
                return True
        elif name.startswith("+"):
            if name[1:] == user or name[1:] in all_roles(snapshot, user):
                return True
        elif name.startswith("/") and snapshot.major >= 16:
            if _matches(name[1:], user):
                return True
        elif name == user:
            return True
    return False


def _fits_database(snapshot: Snapshot, rule: HbaRule, user: str | None, database: str | None) -> bool:
    for name in rule.databases:
        if name == REPLICATION:
            if database == REPLICATION:
                return True
        elif database == REPLICATION:
            continue
        elif name == "all":
            return True
        elif database is None:
            if name.startswith("/") and snapshot.major >= 16:
                return True
        elif name == "sameuser":
            if user == database:
                return True
        elif name in ("samerole", "samegroup"):
            if user is not None and database in all_roles(snapshot, user):
                return True
        elif name.startswith("/") and snapshot.major >= 16:
            if _matches(name[1:], database):
                return True
        elif name == database:
            return True
    return False


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        # PostgreSQL's dialect knows more than ours: taken as fitting, so that nobody is overlooked
        return True


def _is_open(rule: HbaRule) -> bool:
    if rule.type == "local":
        return False
    return rule.address == "samenet" or not accepted(rule)


def _prefix(netmask: str) -> str:
    if ":" in netmask:
        return str(f"{int(ipaddress.IPv6Address(netmask)):b}".count("1"))
    return netmask


def login_names(entries: list[Entry]) -> list[str]:
    """The logins of entries, in order of name."""
    return sorted({entry.role for entry in entries})
