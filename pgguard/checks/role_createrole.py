"""A login that is not a declared administrator has CREATEROLE.

Why it matters: through PostgreSQL 15 such a login can give itself almost every role; from 16 on it
still makes logins that nobody asked for.

How to fix: ALTER ROLE name NOCREATEROLE, or declare the role in the policy ([administrators] roles =
[...]).

Silent when: declared administrators and superusers (see role-superuser-login); a role that no login
can become.
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

severity = Severity.MEDIUM
references = (
    "CIS-PG 4",
    "NIST AC-6",
    "PostgreSQL manual, 22.2 Role Attributes",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    power = "can grant itself almost any role" if snapshot.major < 16 else "can make new logins"
    for role, by in taken_on(snapshot, lambda one: one.createrole, policy.is_administrator):
        yield Finding(
            role_subject(role.name),
            f"{ident(role.name)} has CREATEROLE: on PostgreSQL {snapshot.major} it {power}{by}",
            fix=(alter_role(role.name, "NOCREATEROLE", "CREATEROLE"),),
        )
