"""A rule of pg_hba.conf lets clients of other machines in without encryption.

Why it matters: results and diagnoses cross the network in clear, and whoever listens reads them; a
client falls back to this whenever TLS fails.

How to fix: write hostssl instead of host (check first in pg_stat_ssl that the clients of this rule
use TLS already), then SELECT pg_reload_conf().

Silent when: hostssl and hostgssenc rules, rules for the machine itself, reject, rules whose unencrypted
clients an earlier one takes, and what hba-cleartext-password and hba-replication-open tell of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import clear_text, in_force, who
from pgguard.analysis.hba.rules import CLEARTEXT, for_replication_only, is_network, line
from pgguard.analysis.names import rule_subject
from pgguard.analysis.settings import ssl_is_on
from pgguard.changes.hba import to_hostssl
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "GDPR 32(1)(a)",
    "HIPAA 164.312(e)",
    "CIS-PG 6",
    "PostgreSQL manual, 18.9 Secure TCP/IP Connections with SSL",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    def wanted(rule: HbaRule) -> bool:
        # where the password itself would cross in clear, hba-cleartext-password asks for the same
        elsewhere = rule.method == "reject" or rule.method in CLEARTEXT or for_replication_only(rule)
        return is_network(rule) and not elsewhere

    for rule, entries in in_force(snapshot, wanted):
        if clear_text(entries, rule):
            yield Finding(
                rule_subject(rule),
                f"{line(rule)} serves {who(entries)} without encryption",
                severity=None if entries else Severity.LOW,
                fix=(
                    to_hostssl(
                        rule_subject(rule).name,
                        f"hostssl instead of {rule.type}",
                        ssl_is_on=ssl_is_on(snapshot),
                    ),
                ),
            )
