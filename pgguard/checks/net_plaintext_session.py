"""A client of another machine is connected without encryption.

Why it matters: what it reads and writes, patients' data and its password included, can be read on the
network at this moment.

How to fix: turn the rule that let it in into hostssl, and set sslmode=verify-full in the client.

Silent when: TLS or GSSAPI encrypts the sessions of other machines. Only the sessions open during the
inspection are seen here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import LOOPBACK, parse
from pgguard.analysis.names import shorten
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "GDPR 32(1)(a)",
    "PostgreSQL manual, 27.2 The Cumulative Statistics System",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    # one finding a login: its sessions come and go, and pools have many of them
    seen: dict[str, list[str]] = {}
    for session in snapshot.sessions:
        if session.tls or session.gss_encrypted or not session.address:
            continue
        if not parse([session.address]).within(LOOPBACK):
            seen.setdefault(session.role, []).append(session.address)
    for role, addresses in sorted(seen.items()):
        count = f"{len(addresses)} session{'s' if len(addresses) > 1 else ''}"
        yield Finding(
            Subject("session", ident(role)),
            f"{count} of {ident(role)} without encryption from {shorten(sorted(set(addresses)))}",
        )
