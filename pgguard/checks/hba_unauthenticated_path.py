"""Somebody gets into a database with no authentication, by the rules of pg_hba.conf taken together.

Why it matters: rules are read one by one and decide in order, so only their sum tells what an intruder
can do; this is how the medical files of nearly 500,000 people could be fetched from a laboratory
vendor's server.

How to fix: give each of the lines named the method scram-sha-256 (peer for the local socket), set
passwords for the logins first, then SELECT pg_reload_conf(); `pgguard hba reach` shows the rest.

Silent when: every rule with trust is covered by earlier ones, fits no login that the server would take
into a database, or wants a client certificate that names the login.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import Addresses
from pgguard.analysis.hba import login_names, unauthenticated
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.rules import LOCAL, is_named, require_loaded
from pgguard.analysis.membership import superusers
from pgguard.analysis.names import cluster_subject, shorten
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.hba.decisions import Entry
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.CRITICAL
references = (
    "CNIL SAN-2022-009 (no authentication)",
    "GDPR 32",
    "PostgreSQL manual, 20.4 Trust Authentication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    entries = [entry for entry in unauthenticated(snapshot) if entry.remote or not policy.cluster.throwaway]
    if entries:
        names = login_names(entries)
        mighty = shorten([ident(name) for name in names if name in superusers(snapshot)], 3)
        lines = sorted({entry.rule.number: entry.rule.line for entry in entries}.items())
        places = shorten([str(number) for _, number in lines], 8)
        yield Finding(
            cluster_subject(),
            f"{len(names)} login{'s get' if len(names) > 1 else ' gets'} in with no authentication"
            f"{f' (superuser {mighty} among them)' if mighty else ''}: into {_databases(entries)}, "
            f"from {_origins(entries)}, by line{'s' if len(lines) > 1 else ''} {places}",
            severity=None if any(entry.remote for entry in entries) else Severity.HIGH,
            fix=(by_hand(f"pg_hba.conf, lines {places}: scram-sha-256 instead of trust (local: peer)"),),
        )
    require_loaded(snapshot)


def _databases(entries: list[Entry]) -> str:
    names = sorted({name for entry in entries for name in entry.databases})
    named = [ident(name) for name in names if name != REPLICATION]
    return shorten([*named, *(["the whole cluster as a standby"] if REPLICATION in names else [])], 4)


def _origins(entries: list[Entry]) -> str:
    network = Addresses()
    named = []
    for entry in entries:
        if is_named(entry.rule):
            named.append(entry.rule.address)
        elif entry.ways != {LOCAL}:
            network = network | entry.addresses
    ranges = [network.networks(4)] if network else []
    socket = ["the local socket"] if any(LOCAL in entry.ways for entry in entries) else []
    return ", ".join([*ranges, *dict.fromkeys(named), *socket])
