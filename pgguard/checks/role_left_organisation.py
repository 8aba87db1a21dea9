"""A person who has left can still log in.

Why it matters: whoever leaves keeps what they know, their password among it; nobody looks any more at
what that login does.

How to fix: `pgguard person remove`, or ALTER ROLE name NOLOGIN and pg_terminate_backend for its
sessions. VALID UNTIL ends a password, not an account.

Silent when: the person's end in the roster is to come, or the role cannot log in any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import role_subject
from pgguard.changes.roles import alter_role
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "NIST PS-4",
    "NIST AC-2(3)",
    "ISO 27001 A.5.11",
    "CNIL guide",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.person:
        msg = "the policy has no roster: name the people in [[person]], with `until` for those who leave"
        raise NotApplicable(msg)
    today = snapshot.server.now[:10]
    for person in sorted(policy.person, key=lambda one: one.role):
        role = snapshot.role(person.role)
        if person.until is not None and person.until.isoformat() < today and role is not None and role.login:
            yield Finding(
                role_subject(role.name),
                f"its person left on {person.until.isoformat()}, and {ident(role.name)} can still log in",
                fix=(alter_role(role.name, "NOLOGIN", "LOGIN"),),
            )
