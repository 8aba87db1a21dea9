"""A role that has members can log in itself.

Why it matters: its members' rights are open to whoever knows one shared password, and the log shows
the group instead of the person.

How to fix: ALTER ROLE name NOLOGIN once nobody logs in as the group; a login that has to be lent on
purpose goes into the policy ([allow] delegating_roles).

Silent when: groups with NOLOGIN, declared administrators and roles that only they are members of,
roles that the policy lets delegate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import superusers
from pgguard.analysis.names import role_subject, shorten
from pgguard.changes.roles import alter_role
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "CNIL, Guide de la securite des donnees personnelles",
    "CIS-PG 4",
    "PostgreSQL manual, 22.3 Role Membership",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    members: dict[str, set[str]] = {}
    for edge in snapshot.memberships:
        # from 16 on the creator of a role is made a member to administer it, without its rights
        if (edge.inherit or edge.set) and not policy.is_administrator(edge.member):
            members.setdefault(edge.role, set()).add(edge.member)
    for role in snapshot.roles:
        if not role.login or role.bootstrap or role.predefined or role.superuser:
            continue
        if policy.is_administrator(role.name) or role.name in policy.allow.delegating_roles:
            continue
        joined = sorted(members.get(role.name, set()) - superusers(snapshot))
        if joined:
            yield Finding(
                role_subject(role.name),
                f"{ident(role.name)} can log in and has {len(joined)} "
                f"member{'s' if len(joined) > 1 else ''} ({shorten([ident(name) for name in joined], 3)})",
                fix=(alter_role(role.name, "NOLOGIN", "LOGIN"),),
            )
