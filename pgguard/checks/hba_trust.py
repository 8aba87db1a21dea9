"""A rule of pg_hba.conf lets people in over the network with no authentication.

Why it matters: whoever reaches the port takes any of the logins that the rule names, without a
password and without a trace of who it was; this is how the medical files of nearly 500,000 people
could be fetched from a laboratory vendor's server.

How to fix: give the rule the method scram-sha-256 (with hostssl) or remove it, make sure that its
logins have passwords first, then SELECT pg_reload_conf().

Silent when: earlier rules decide for everybody that the rule fits, it wants a client certificate that
names the login, or only the machine itself gets in (see hba-trust-local).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import in_force, who
from pgguard.analysis.hba.rules import authenticates, beyond_loopback, line, wants_certificate
from pgguard.analysis.names import rule_subject
from pgguard.analysis.settings import ssl_is_on
from pgguard.changes.hba import to_hostssl
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.CRITICAL
references = (
    "CNIL SAN-2022-009 (no authentication)",
    "GDPR 32(1)(b)",
    "CIS-PG 5",
    "STIG V-233511",
    "PostgreSQL manual, 20.4 Trust Authentication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    def wanted(rule: HbaRule) -> bool:
        return beyond_loopback(rule) and not authenticates(rule)

    for rule, entries in in_force(snapshot, wanted):
        far = [entry for entry in entries if entry.remote]
        if entries and not far:
            continue
        proof = "no more than any client certificate" if wants_certificate(rule) else "no authentication"
        yield Finding(
            rule_subject(rule),
            f"{line(rule)} lets in {who(far)} with {proof}",
            severity=None if far else Severity.LOW,
            fix=(
                to_hostssl(
                    rule_subject(rule).name,
                    "hostssl ... scram-sha-256 instead of trust",
                    ssl_is_on=ssl_is_on(snapshot),
                ),
            ),
        )
