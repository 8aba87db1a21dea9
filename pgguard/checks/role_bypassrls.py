"""A login that nobody declared bypasses row security.

Why it matters: row security is what keeps one laboratory's or one ward's patients from the others;
this login sees them all.

How to fix: ALTER ROLE name NOBYPASSRLS, or declare the role in the policy.

Silent when: declared services and administrators, superusers; a role that no login can become.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.attributes import taken_on
from pgguard.analysis.names import role_subject
from pgguard.changes.roles import alter_role
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "GDPR 25",
    "PostgreSQL manual, 5.9 Row Security Policies",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for role, by in taken_on(snapshot, lambda one: one.bypassrls, policy.is_declared):
        yield Finding(
            role_subject(role.name),
            f"{ident(role.name)} sees every row past row security{by}",
            fix=(alter_role(role.name, "NOBYPASSRLS", "BYPASSRLS"),),
        )
