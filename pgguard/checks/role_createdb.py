"""A login that is not a declared administrator has CREATEDB.

Why it matters: a database of one's own is a place where copies of patients' data lie outside every
grant, audit and backup rule.

How to fix: ALTER ROLE name NOCREATEDB, or declare the role in the policy ([administrators] roles =
[...]).

Silent when: declared administrators and superusers; a role that no login can become.
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

severity = Severity.LOW
references = (
    "CIS-PG 4",
    "PostgreSQL manual, 22.2 Role Attributes",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for role, by in taken_on(snapshot, lambda one: one.createdb, policy.is_administrator):
        yield Finding(
            role_subject(role.name),
            f"{ident(role.name)} can create databases{by}",
            fix=(alter_role(role.name, "NOCREATEDB", "CREATEDB"),),
        )
