"""A rule of pg_hba.conf believes what the client's machine says about its user (ident over TCP).

Why it matters: anybody with control over a machine in the range, or over an address in it, answers
with whatever name opens the database.

How to fix: use scram-sha-256 or cert with hostssl, then SELECT pg_reload_conf(); peer is the safe
form of ident, on the local socket.

Silent when: ident stands in a local rule (there it means peer), or earlier rules decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import in_force, who
from pgguard.analysis.hba.rules import is_network, line
from pgguard.analysis.names import rule_subject
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 5",
    "RFC 1413",
    "PostgreSQL manual, 20.8 Ident Authentication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for rule, entries in in_force(snapshot, lambda rule: rule.method == "ident" and is_network(rule)):
        yield Finding(
            rule_subject(rule),
            f"{line(rule)} believes the client's machine, for {who(entries)}",
            severity=None if entries else Severity.LOW,
            fix=(by_hand(f"{rule_subject(rule).name}: scram-sha-256 instead of ident"),),
        )
