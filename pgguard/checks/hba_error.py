"""A line of pg_hba.conf or pg_ident.conf is in error, so the server ignores the file as a whole.

Why it matters: with an error in the file a reload keeps the old rules in force and a restart fails,
so what people read in the file is not what protects the patients' data.

How to fix: correct the line, then SELECT pg_reload_conf() and look at pg_hba_file_rules.error again.

Silent when: every line of both files loads cleanly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import rule_subject
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = ("PostgreSQL manual, pg_hba_file_rules", "CIS-PG 5")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for rule in snapshot.hba_rules:
        if rule.error:
            yield Finding(rule_subject(rule), f"the line does not load: {rule.error}")
    if snapshot.major >= 15:
        for mapping in snapshot.ident_rules:
            if mapping.error:
                yield Finding(rule_subject(mapping), f"the line does not load: {mapping.error}")
