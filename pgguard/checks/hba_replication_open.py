"""A replication rule of pg_hba.conf accepts more than named standbys over TLS.

Why it matters: a replication connection copies the whole cluster, every patient's row and every
password verifier, in one go.

How to fix: name each standby's own address with hostssl and scram-sha-256 or cert, declare them in
the policy ([networks] standbys = [...]), then SELECT pg_reload_conf().

Silent when: the rule names single addresses or hosts, or the policy's standbys, and wants TLS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import LOOPBACK, parse
from pgguard.analysis.hba import clear_text, in_force, who
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.rules import accepted, beyond_loopback, is_named, line
from pgguard.analysis.hba.words import words
from pgguard.analysis.names import rule_subject
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 7",
    "PostgreSQL manual, 26.2.5 Streaming Replication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    standbys = parse(policy.networks.standbys)

    def wanted(rule: HbaRule) -> bool:
        if rule.method == "reject" or not beyond_loopback(rule):
            return False
        return any(word.kind == "replication" for word in words(snapshot, rule).databases)

    for rule, found in in_force(snapshot, wanted):
        entries = [entry for entry in found if REPLICATION in entry.databases]
        problems = []
        if not _names_hosts(rule):
            if standbys and not accepted(rule).within(standbys | LOOPBACK):
                problems.append("is wider than the policy's standbys")
            elif not standbys and not _is_single(rule):
                problems.append("names a network instead of a standby's address")
        if clear_text(entries, rule):
            problems.append("does not require TLS")
        if problems:
            yield Finding(
                rule_subject(rule),
                f"{line(rule)} {' and '.join(problems)}, for {who(entries)}",
                severity=None if entries else Severity.LOW,
                fix=(by_hand(f"{rule_subject(rule).name}: hostssl, one address, scram-sha-256"),),
            )


def _names_hosts(rule: HbaRule) -> bool:
    return is_named(rule) and rule.address != "samenet" and not rule.address.startswith(".")


def _is_single(rule: HbaRule) -> bool:
    ranges = accepted(rule).ranges
    return bool(ranges) and all(low == high for low, high in ranges)
