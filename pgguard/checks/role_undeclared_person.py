"""A login belongs to nobody: no person of the roster and no declared account.

Why it matters: what is done under it cannot be put to anybody, and nobody asks for it to be closed.

How to fix: put its owner into [[person]], [[account]] or [[service]] of the policy, or
ALTER ROLE name NOLOGIN.

Silent when: the login is in the roster or the register of accounts, a declared service or an administrator;
the role that initdb made.
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

severity = Severity.MEDIUM
references = (
    "GDPR 32(4)",
    "NIST AC-2",
    "ISO 27001 A.5.16",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.person:
        msg = "the policy has no roster: name the people in [[person]] and the programs in [[service]]"
        raise NotApplicable(msg)
    for role in snapshot.roles:
        known = policy.is_person(role.name) or policy.is_declared(role.name) or policy.has_account(role.name)
        if role.login and not role.bootstrap and not role.predefined and not known:
            yield Finding(
                role_subject(role.name),
                f"{ident(role.name)} can log in and is neither in the roster nor a declared account",
                fix=(alter_role(role.name, "NOLOGIN", "LOGIN"),),
            )
