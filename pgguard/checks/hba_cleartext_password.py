"""A rule of pg_hba.conf has passwords sent in clear over an unencrypted connection.

Why it matters: whoever listens on the network reads the password itself, and with ldap, pam or radius
it is the person's password for everything else in the house.

How to fix: use hostssl instead of host for this rule, or scram-sha-256 instead of the method, then
SELECT pg_reload_conf().

Silent when: the rule is for hostssl, earlier rules take all unencrypted clients, or only the machine
itself gets in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import clear_text, in_force, who
from pgguard.analysis.hba.rules import CLEARTEXT, is_network, line
from pgguard.analysis.names import rule_subject
from pgguard.analysis.settings import ssl_is_on
from pgguard.changes.hba import to_hostssl
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.CRITICAL
references = (
    "GDPR 32(1)(a)",
    "CIS-PG 5",
    "PostgreSQL manual, 20.5 Password Authentication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for rule, entries in in_force(snapshot, lambda rule: rule.method in CLEARTEXT and is_network(rule)):
        if not clear_text(entries, rule):
            continue
        if rule.method == "ldap" and any(option.startswith("ldaptls") for option in rule.options):
            what = f"{line(rule)}: the password comes in clear (ldaptls protects only the way on)"
        else:
            what = f"{line(rule)}: the password crosses the network in clear"
        yield Finding(
            rule_subject(rule),
            f"{what}, for {who(entries)}",
            severity=None if entries else Severity.LOW,
            fix=(
                to_hostssl(
                    rule_subject(rule).name, f"hostssl instead of {rule.type}", ssl_is_on=ssl_is_on(snapshot)
                ),
            ),
        )
