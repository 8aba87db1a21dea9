"""A login that nobody declared has REPLICATION.

Why it matters: it can copy the whole cluster, every record and every verifier, in one base backup
that no grant and no row security sees.

How to fix: ALTER ROLE name NOREPLICATION, or declare it as [[service]] with its purpose (standby,
backup).

Silent when: declared services and administrators, superusers.
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
    "NIST AC-6",
    "PostgreSQL manual, 22.2 Role Attributes",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for role in snapshot.roles:
        if role.replication and role.login and not role.superuser and not policy.is_declared(role.name):
            yield Finding(
                role_subject(role.name),
                f"{ident(role.name)} can stream the whole cluster and is not declared",
                fix=(alter_role(role.name, "NOREPLICATION", "REPLICATION"),),
            )
