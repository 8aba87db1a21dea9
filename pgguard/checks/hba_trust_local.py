"""A rule of pg_hba.conf lets people on the server's own machine in with no authentication.

Why it matters: every operating-system account there, and every program that was broken into, becomes
any database login it likes, superusers included.

How to fix: use peer for administrators on the local socket and scram-sha-256 for everybody else, then
SELECT pg_reload_conf().

Silent when: earlier rules decide for everybody that the rule fits, other machines get in by it too
(see hba-trust), or the policy declares the cluster throwaway ([cluster] throwaway = true).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import in_force, who
from pgguard.analysis.hba.rules import authenticates, beyond_loopback, line
from pgguard.analysis.names import rule_subject
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "GDPR 32(1)(b)",
    "CIS-PG 5",
    "PostgreSQL manual, 20.4 Trust Authentication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if policy.cluster.throwaway:
        msg = "the policy declares this a throwaway cluster"
        raise NotApplicable(msg)

    for rule, entries in in_force(snapshot, lambda rule: not authenticates(rule)):
        if any(entry.remote for entry in entries) or (not entries and beyond_loopback(rule)):
            continue
        yield Finding(
            rule_subject(rule),
            f"{line(rule)} lets in {who(entries)} from the machine itself with no authentication",
            severity=None if entries else Severity.LOW,
            fix=(by_hand(f"{rule_subject(rule).name}: peer or scram-sha-256 instead of trust"),),
        )
