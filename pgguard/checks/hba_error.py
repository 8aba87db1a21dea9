"""A line of pg_hba.conf or pg_ident.conf is in error.

Why it matters: with a line that does not parse, a reload keeps the old rules in force and a restart
fails, so what people read in the file is not what protects the patients' data. Lines that this server
cannot match at all (hostssl without TLS) protect nobody either.

How to fix: correct the line, then SELECT pg_reload_conf() and look at pg_hba_file_rules.error again.

Silent when: every line of both files loads cleanly (those of pg_ident.conf are seen from 15 on).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba.rules import broken_lines, dead_letters
from pgguard.analysis.names import rule_subject, shorten
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = ("PostgreSQL manual, pg_hba_file_rules", "CIS-PG 5")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for rule in broken_lines(snapshot):
        yield Finding(rule_subject(rule), f"the line does not load, nor does the file: {rule.error}")
    by_reason: dict[str, list[HbaRule]] = {}
    for rule in dead_letters(snapshot):
        by_reason.setdefault(rule.error, []).append(rule)
    for reason, rules in by_reason.items():
        many = f"{len(rules)} lines ({shorten([str(rule.line) for rule in rules], 8)}) match"
        who = "the line matches" if len(rules) == 1 else many
        yield Finding(rule_subject(rules[0]), f"{who} nobody: {reason}")
    if snapshot.major >= 15:
        for mapping in snapshot.ident_rules:
            if mapping.error:
                yield Finding(rule_subject(mapping), f"the line does not load: {mapping.error}")
