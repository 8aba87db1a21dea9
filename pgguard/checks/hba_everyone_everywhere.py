"""A rule of pg_hba.conf is for all databases and all users on the network.

Why it matters: each new login and each new database is opened by it without anybody deciding so,
superusers and forgotten accounts included.

How to fix: name the databases and the roles (a group as +group) that need the rule, then SELECT
pg_reload_conf().

Silent when: the rule names databases or roles, is a reject, or is for the machine itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import in_force, who
from pgguard.analysis.hba.rules import beyond_loopback, line
from pgguard.analysis.hba.words import words
from pgguard.analysis.names import rule_subject
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "HIPAA 164.312(a)",
    "CIS-PG 5",
    "PostgreSQL manual, 20.1 The pg_hba.conf File",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    def wanted(rule: HbaRule) -> bool:
        if rule.method == "reject" or not beyond_loopback(rule):
            return False
        databases, users, _ = words(snapshot, rule)
        return all(any(word.kind == "all" for word in field) for field in (databases, users))

    for rule, entries in in_force(snapshot, wanted):
        yield Finding(
            rule_subject(rule),
            f"{line(rule)} opens every database to {who(entries)} and to every login still to come",
            fix=(by_hand(f"{rule_subject(rule).name}: database and role names instead of all all"),),
        )
