"""A superuser can log in from another machine.

Why it matters: a stolen superuser password is then enough to copy, change or erase every patient's
record from anywhere in the accepted networks, and to remove the traces.

How to fix: put a reject rule for superusers before the rule named, let administrators come to the
machine first (peer on the socket), or declare jump hosts ([networks] jump_hosts) and narrow the rule
to them.

Silent when: rules for superusers accept only the machine itself or the policy's jump hosts; declared
administrators over TLS are only low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import LOOPBACK, parse
from pgguard.analysis.hba import decisions, line
from pgguard.analysis.names import role_subject, shorten
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "STIG",
    "PostgreSQL manual, 20.1 The pg_hba.conf File",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    near = LOOPBACK | parse(policy.networks.jump_hosts)
    reached: dict[str, list[HbaRule]] = {}
    for entry in decisions(snapshot):
        role = snapshot.role(entry.role)
        if role is None or not role.superuser or entry.kind == "local" or entry.rule.method == "reject":
            continue
        if entry.open or not entry.addresses.within(near):
            seen = reached.setdefault(entry.role, [])
            if entry.rule not in seen:
                seen.append(entry.rule)
    for name, through in sorted(reached.items()):
        kept = policy.is_administrator(name) and all(rule.type == "hostssl" for rule in through)
        lines = shorten([f"line {rule.line} ({line(rule)})" for rule in through], 2)
        yield Finding(
            role_subject(name),
            f"superuser {ident(name)} gets in from other machines by {lines}",
            severity=Severity.LOW if kept else None,
            fix=(by_hand(f"pg_hba.conf: host all {ident(name)} all reject, before line {through[0].line}"),),
        )
