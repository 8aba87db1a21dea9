"""What a first policy could declare of a cluster: networks, administrators, programs, people.

It tells what was seen, by which a person decides; being there is no permission.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.addresses import LOOPBACK, PRIVATE, single
from pgguard.analysis.addresses import parse as addresses_of
from pgguard.analysis.hba.rules import accepted, for_replication_only, is_named, is_network, rules
from pgguard.analysis.membership import becomers_by_path
from pgguard.analysis.people import client_kind, is_collective, is_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgguard.model.rows import Role
    from pgguard.model.snapshot import Snapshot

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
FILE, SESSIONS = "pg_hba.conf", "sessions"
_SECTIONS = ("hba_rules", "sessions")
# of addresses that no rule names, the network that a machine usually shares with its neighbours
_NEIGHBOURS = {4: 24, 6: 64}
_MOST_ORIGINS = 8
_MOST_RANGES = 8
_PROGRAMS = frozenset({"operations", "pooler"})


class Login(NamedTuple):
    """A login, where its sessions came from, and by what; `powers` in words, empty without any."""

    name: str
    origins: tuple[str, ...]
    by_socket: bool
    applications: tuple[str, ...]
    powers: str = ""


class Declarable(NamedTuple):
    """What was seen, in order: networks with where they stand (`pg_hba.conf`, sessions), and logins.

    `internal` are private ranges (RFC 1918, 4193), `outside` others. `shared` are logins whose name is a
    place's or a team's. `unread` tells what could not be looked at: (section, reason).
    """

    internal: tuple[tuple[str, str], ...]
    outside: tuple[tuple[str, str], ...]
    standbys: tuple[str, ...]
    poolers: tuple[str, ...]
    administrators: tuple[Login, ...]
    services: tuple[Login, ...]
    people: tuple[Login, ...]
    shared: tuple[Login, ...]
    unread: tuple[tuple[str, str], ...]


def declarable(snapshot: Snapshot) -> Declarable:
    """What a policy for this cluster could declare; sessions over time count where they were observed.

    Raises `Unread` when roles or memberships could not be read.
    """
    missing = snapshot.missing()
    unread = [(name, missing[name]) for name in _SECTIONS if name in missing]
    seen = _sessions(snapshot, is_read="sessions" not in missing)
    named, replicating = _rules(snapshot) if "hba_rules" not in missing else ([], [])
    came = {one.network for one in seen if one.network is not None}
    walsenders = {one.network for one in seen if one.network is not None and one.replicates}
    poolers = {one.network for one in seen if one.network is not None and one.kind == "pooler"}
    everywhere = _with_file_and_sessions(named, came)
    private = {one: where for one, where in everywhere.items() if _is_private(one)}
    public = {one: where for one, where in everywhere.items() if one not in private}
    logins = _logins(snapshot, seen)
    return Declarable(
        internal=_told(private),
        outside=_told(public),
        standbys=_texts([*replicating, *walsenders]),
        poolers=_texts(poolers),
        administrators=tuple(one for one, kind in logins if kind == "administrator"),
        services=tuple(one for one, kind in logins if kind == "service"),
        people=tuple(one for one, kind in logins if kind == "person"),
        shared=tuple(one for one, kind in logins if kind == "shared"),
        unread=tuple(unread),
    )


def _with_file_and_sessions(named: Iterable[Network], came: Iterable[Network]) -> dict[Network, str]:
    """The networks of rules, and around addresses that no rule names, those that neighbours would share."""
    found = {one: FILE for one in _collapsed(named) if one.prefixlen}
    for network in sorted(came, key=_order):
        if not any(_holds(one, network) for one in (*found, *_LOOPBACK)):
            wide = network.supernet(new_prefix=_NEIGHBOURS[network.version])
            found[wide if _is_private(wide) else network] = SESSIONS
    return {
        one: where
        for one, where in found.items()
        if not any(other != one and _holds(other, one) for other in found)
    }


class _Seen(NamedTuple):
    """One session: `network` is its address alone, None for the local socket."""

    role: str
    network: Network | None
    application: str
    kind: str
    replicates: bool


def _sessions(snapshot: Snapshot, *, is_read: bool) -> list[_Seen]:
    rows = [
        (one.role, one.address, one.application, one.backend_type == "walsender")
        for one in (snapshot.sessions if is_read else ())
    ]
    if snapshot.observations is not None:
        rows += [(one.role, one.address, one.application, False) for one in snapshot.observations.sessions]
    return [
        _Seen(role, _network(address), application, client_kind(application), replicates)
        for role, address, application, replicates in rows
    ]


def _network(address: str) -> Network | None:
    try:
        (network,) = single(address.partition("%")[0]).each_network()
    except ValueError:
        # the local socket, or [local] in a log
        return None
    return ipaddress.ip_network(network)


def _rules(snapshot: Snapshot) -> tuple[list[Network], list[Network]]:
    """The networks that rules let in, without everybody's and the machine's own; and those that replicate."""
    named: list[Network] = []
    replicating: list[Network] = []
    for rule in rules(snapshot):
        if rule.method == "reject" or not is_network(rule) or is_named(rule):
            continue
        into = replicating if for_replication_only(rule) else named
        addresses = accepted(rule)
        # a netmask with holes
        if len(addresses.ranges) > _MOST_RANGES:
            continue
        for text in addresses.each_network():
            network = ipaddress.ip_network(text)
            if network.prefixlen and not any(_holds(one, network) for one in _LOOPBACK):
                into.append(network)
    return named, replicating


def _logins(snapshot: Snapshot, seen: Sequence[_Seen]) -> list[tuple[Login, str]]:
    own = {role.name: powers for role in snapshot.roles if (powers := _powers(role))}
    by_path = becomers_by_path(snapshot, own)
    by_role: dict[str, list[_Seen]] = {}
    for one in seen:
        by_role.setdefault(one.role, []).append(one)
    found: list[tuple[Login, str]] = []
    for role in sorted(snapshot.roles, key=lambda one: one.name):
        if not role.login or role.predefined:
            continue
        sessions = by_role.get(role.name, [])
        powers = own.get(role.name, "")
        if not powers and role.name in by_path:
            powers = f"can become {by_path[role.name][-1]}"
        login = Login(
            role.name,
            _origins(one.network for one in sessions if one.network is not None),
            any(one.network is None for one in sessions),
            tuple(sorted({one.application for one in sessions if _is_program_name(one)})),
            powers,
        )
        found.append((login, _kind(role, powers, sessions)))
    return found


def _kind(role: Role, powers: str, sessions: Sequence[_Seen]) -> str:
    if powers:
        return "administrator"
    if role.replication or is_program(role.name) or any(one.kind in _PROGRAMS for one in sessions):
        return "service"
    return "shared" if is_collective(role.name) else "person"


def _is_program_name(session: _Seen) -> bool:
    return bool(session.application.strip()) and session.kind != "interactive"


def _powers(role: Role) -> str:
    if role.superuser:
        return "superuser"
    words = {"CREATEROLE": role.createrole, "CREATEDB": role.createdb, "BYPASSRLS": role.bypassrls}
    return ", ".join(word for word, has in words.items() if has)


def _origins(networks: Iterable[Network]) -> tuple[str, ...]:
    found = _collapsed(networks)
    if len(found) > _MOST_ORIGINS:
        found = _collapsed(
            one.supernet(new_prefix=min(one.prefixlen, _NEIGHBOURS[one.version])) for one in found
        )
    return tuple(str(one) for one in found)


def _collapsed(networks: Iterable[Network]) -> list[Network]:
    """The networks without those that lie in others, neighbours joined; IPv4 first."""
    given = set(networks)
    fours = [one for one in given if isinstance(one, ipaddress.IPv4Network)]
    sixes = [one for one in given if isinstance(one, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(fours), *ipaddress.collapse_addresses(sixes)]


def _told(networks: dict[Network, str]) -> tuple[tuple[str, str], ...]:
    return tuple((str(one), networks[one]) for one in sorted(networks, key=_order))


def _texts(networks: Iterable[Network]) -> tuple[str, ...]:
    return tuple(str(one) for one in _collapsed(networks))


def _order(network: Network) -> tuple[int, int]:
    return network.version, int(network.network_address)


def _holds(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _is_private(network: Network) -> bool:
    whole = addresses_of([str(network)])
    return whole.within(PRIVATE - LOOPBACK)


_LOOPBACK = tuple(ipaddress.ip_network(one) for one in LOOPBACK.each_network())
