"""A superuser that nobody declared can log in.

Why it matters: a superuser reads every patient's record past all grants and row security, changes the
audit trail and runs programs on the server.

How to fix: ALTER ROLE name NOSUPERUSER and grant what the task needs, or declare the role in the
policy ([administrators] roles = [...]).

Silent when: the role that initdb made, and administrators declared in the policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    "STIG",
    "NIST AC-6",
    "PostgreSQL manual, 22.2 Role Attributes",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for role in snapshot.roles:
        if role.superuser and role.login and not role.bootstrap and not policy.is_administrator(role.name):
            yield Finding(
                role_subject(role.name),
                f"{ident(role.name)} is superuser, can log in and is not declared as an administrator",
                fix=(alter_role(role.name, "NOSUPERUSER", "SUPERUSER"),),
            )
