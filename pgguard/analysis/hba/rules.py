"""One rule of pg_hba.conf by itself: which ways in and which addresses it fits, and how people write it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.addresses import EVERYWHERE, LOOPBACK, Addresses, masked, parse
from pgguard.errors import Unread

if TYPE_CHECKING:
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

# the ways in: the socket, and TCP unencrypted, over TLS, encrypted by GSSAPI
LOCAL, PLAIN, TLS, GSS = "local", "plain", "tls", "gss"
WAYS = (LOCAL, PLAIN, TLS, GSS)
_WAYS_OF_TYPE = {
    "local": frozenset({LOCAL}),
    "host": frozenset({PLAIN, TLS, GSS}),
    "hostssl": frozenset({TLS}),
    "hostnossl": frozenset({PLAIN, GSS}),
    "hostgssenc": frozenset({GSS}),
    "hostnogssenc": frozenset({PLAIN, TLS}),
}
# methods that compare a password with the verifier that the server stores
STORED_PASSWORD = frozenset({"password", "md5", "scram-sha-256"})
# methods that hand the password on to a directory
DIRECTORY = frozenset({"ldap", "radius", "pam", "bsd"})
# methods for which the password itself crosses the connection
CLEARTEXT = DIRECTORY | {"password"}
# the socket has one place that clients come from
SOCKET = Addresses(((0, 0),))
_OWN = parse(["127.0.0.1", "::1"])
_MAPPED = parse(["::ffff:0:0/96"])
_HOSTS_FILE = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})


class Fit(NamedTuple):
    """The addresses that a rule fits: surely, and possibly where it hangs on what we do not see.

    That is a host name, or the addresses of the server's own interfaces.
    """

    sure: Addresses
    possible: Addresses


def rules(snapshot: Snapshot) -> tuple[HbaRule, ...]:
    """The rules that can match, in order.

    Raises `Unread` when pg_hba_file_rules could not be read.
    """
    return tuple(rule for rule in snapshot.hba_rules if not rule.error)


def dead_letters(snapshot: Snapshot) -> tuple[HbaRule, ...]:
    """The lines that load but can match nothing on this server, with the server's reason as their error."""
    return tuple(rule for rule in snapshot.hba_rules if rule.error and rule.method)


def broken_lines(snapshot: Snapshot) -> tuple[HbaRule, ...]:
    """The lines that do not load, and with them the file."""
    return tuple(rule for rule in snapshot.hba_rules if rule.error and not rule.method)


def doubt(snapshot: Snapshot) -> str:
    """Why the rules in force may be others than those in the file; empty where they are the same."""
    broken = broken_lines(snapshot)
    if broken:
        return (
            f"{place(broken[0])} is in error, so the server keeps the rules that it loaded before, which "
            "nobody can read: correct the line and SELECT pg_reload_conf()"
        )
    if "config_files" not in snapshot.missing():
        for file in snapshot.config_files:
            if file.purpose == "hba" and file.modified_at > snapshot.server.config_loaded_at:
                return (
                    f"{PurePosixPath(file.path).name} was changed after the server loaded it, and nobody "
                    "can read what it loaded: SELECT pg_reload_conf()"
                )
    return ""


def require_loaded(snapshot: Snapshot) -> None:
    """Raise `Unread` when the rules in force may be others than those in the file."""
    reason = doubt(snapshot)
    if reason:
        msg = "the rules in force"
        raise Unread(msg, reason)


def place(rule: HbaRule) -> str:
    """file:line of a rule (before PostgreSQL 16 the file is not shown)."""
    return f"{PurePosixPath(rule.file).name or 'pg_hba.conf'}:{rule.line}"


def line(rule: HbaRule) -> str:
    """The rule as a person wrote it, options left out."""
    parts = [rule.type, ",".join(rule.databases), ",".join(rule.users), written_address(rule), rule.method]
    return " ".join(part for part in parts if part)


def written_address(rule: HbaRule) -> str:
    """The address field: in CIDR notation where that is possible, else address and mask."""
    if not rule.netmask:
        return rule.address
    try:
        found = masked(rule.address, rule.netmask)
    except ValueError:
        found = None
    if found is not None and len(found.ranges) == 1:
        networks = list(found.each_network())
        if len(networks) == 1:
            return networks[0]
    return f"{rule.address} {rule.netmask}"


def ways(rule: HbaRule) -> frozenset[str]:
    """The ways in that the rule's type fits."""
    return _WAYS_OF_TYPE.get(rule.type, frozenset())


def fit(rule: HbaRule, *, address_is_name: bool = False) -> Fit:
    """The addresses that the rule fits."""
    if rule.type == "local":
        return Fit(SOCKET, SOCKET)
    if not address_is_name:
        if rule.address == "all":
            return Fit(EVERYWHERE, EVERYWHERE)
        if rule.address == "samehost":
            # of 127.0.0.0/8 the interface has the first address only
            return Fit(_OWN, _OWN | (EVERYWHERE - LOOPBACK))
        if rule.address == "samenet":
            return Fit(LOOPBACK, EVERYWHERE)
    if not rule.netmask:
        return Fit(Addresses(), LOOPBACK if rule.address.lower() in _HOSTS_FILE else EVERYWHERE)
    try:
        found = masked(rule.address, rule.netmask)
    except ValueError:
        found = None
    if found is None:
        return Fit(Addresses(), EVERYWHERE)
    if found.within(_MAPPED):
        # the server sees a client by IPv4 as one, never as an IPv6 address that stands for it
        found = Addresses()
    return Fit(found, found)


def accepted(rule: HbaRule) -> Addresses:
    """The addresses that the rule may fit; for samehost, those that are surely the server's own."""
    found = fit(rule)
    return found.sure if rule.address == "samehost" else found.possible


def is_named(rule: HbaRule) -> bool:
    """Whether the rule's addresses hang on a host name or on the server's interfaces."""
    found = fit(rule)
    return found.sure != found.possible


def is_network(rule: HbaRule) -> bool:
    """Whether the rule is for connections over TCP."""
    return rule.type != "local"


def beyond_loopback(rule: HbaRule) -> bool:
    """Whether the rule fits a client on another machine."""
    return rule.type != "local" and not accepted(rule).within(LOOPBACK)


def proves_certificate(rule: HbaRule) -> bool:
    """Whether the rule wants a client certificate that names the login, whatever its method."""
    return "clientcert=verify-full" in rule.options or rule.method == "cert"


def wants_certificate(rule: HbaRule) -> bool:
    """Whether the rule wants a client certificate, be it anybody's."""
    return rule.method == "cert" or any(option.startswith("clientcert=") for option in rule.options)


def for_replication_only(rule: HbaRule) -> bool:
    """Whether the rule is for physical replication and nothing else."""
    return rule.databases == ("replication",)


def authenticates(rule: HbaRule) -> bool:
    """Whether the rule asks for any proof of who is there."""
    return rule.method != "trust" or proves_certificate(rule)
