"""A login holds pg_read_all_data or pg_write_all_data.

Why it matters: it reads or changes every table of every database of the cluster, those of patients
and those still to come included; reading takes in the password verifiers of pg_authid.

How to fix: REVOKE the membership and grant the tables the task needs, or declare the account in the
policy.

Silent when: declared services and administrators, superusers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.bearers import Holding, bearers
from pgguard.changes.memberships import revoke_grant
from pgguard.model.finding import Finding, Severity, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "GDPR 25",
    "NIST AC-6",
    "PostgreSQL manual, 22.5 Predefined Roles",
)
_BROAD = ("pg_read_all_data", "pg_write_all_data")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    held = [
        Holding(edge.member, edge.role, (revoke_grant(edge, major=snapshot.major),))
        for edge in snapshot.memberships
        if edge.role in _BROAD and (edge.inherit or edge.set)
    ]
    for bearer in bearers(snapshot, held, policy.is_declared):
        yield Finding(Subject("role", bearer.name), f"{bearer.name} holds {bearer.told()}", fix=bearer.fix())
