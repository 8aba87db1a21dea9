"""A rule of pg_hba.conf can never decide, because earlier rules cover it.

Why it matters: the first rule that fits decides; a reject or a scram-sha-256 line further down
protects nobody, and people who read it believe that it does.

How to fix: move the rule above the one named in the evidence, or delete it, then SELECT
pg_reload_conf().

Silent when: every rule decides for somebody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import line, shadowed
from pgguard.analysis.names import rule_subject
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = ("PostgreSQL manual, 20.1 The pg_hba.conf File",)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for rule, earlier in shadowed(snapshot):
        comfort = rule.method == "reject" or (earlier.method == "trust" and rule.method != "trust")
        yield Finding(
            rule_subject(rule),
            f"{line(rule)} is never reached: line {earlier.line} ({line(earlier)}) decides before it",
            severity=None if comfort else Severity.LOW,
            fix=(by_hand(f"{rule_subject(rule).name}: move above line {earlier.line} or delete"),),
        )
