"""A login that nobody declared bypasses row security.

Why it matters: row security is what keeps one laboratory's or one ward's patients from the others;
this login sees them all.

How to fix: ALTER ROLE name NOBYPASSRLS, or declare the role in the policy.

Silent when: declared services and administrators, superusers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import settable_roles
from pgguard.analysis.names import role_subject, shorten
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
    for role in snapshot.roles:
        if role.superuser or not role.bypassrls:
            continue
        # the attribute is not inherited, but SET ROLE takes it on
        users = [
            login.name
            for login in snapshot.roles
            if login.login
            and not login.superuser
            and role.name in settable_roles(snapshot, login.name)
            and not policy.is_declared(login.name)
        ]
        if users:
            by = (
                "" if users == [role.name] else f", taken on by {shorten([ident(user) for user in users], 3)}"
            )
            yield Finding(
                role_subject(role.name),
                f"{ident(role.name)} sees every row past row security{by}",
                fix=(alter_role(role.name, "NOBYPASSRLS", "BYPASSRLS"),),
            )
