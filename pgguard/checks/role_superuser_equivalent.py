"""A login that is not superuser holds rights that are as good as superuser.

Why it matters: reading or writing the server's files, or running programs there, opens every
patient's record and every verifier in one step.

How to fix: REVOKE the membership or grant named in the evidence, or declare the role in the policy
([administrators] roles = [...]).

Silent when: declared administrators, superusers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import inherited_roles, logins, settable_roles
from pgguard.analysis.names import role_subject
from pgguard.changes.privileges import revoke_membership
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
    "PostgreSQL manual, 22.5 Predefined Roles",
)
_ROLES = {
    "pg_execute_server_program": "runs programs as the server's account",
    "pg_write_server_files": "writes any file of the server",
    "pg_read_server_files": "reads any file of the server",
}


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for login in logins(snapshot):
        if login.superuser or policy.is_administrator(login.name):
            continue
        paths = {**settable_roles(snapshot, login.name), **inherited_roles(snapshot, login.name)}
        powers = [
            f"{effect} ({' -> '.join(ident(step) for step in paths[name])})"
            for name, effect in _ROLES.items()
            if name in paths
        ]
        fixes = [revoke_membership(paths[name][-1], paths[name][-2]) for name in _ROLES if name in paths]
        for name, path in paths.items():
            role = snapshot.role(name)
            if name != login.name and role is not None and role.superuser:
                powers.append(
                    f"can become superuser {ident(name)} ({' -> '.join(ident(one) for one in path)})"
                )
                fixes.append(revoke_membership(path[-1], path[-2]))
        if powers:
            yield Finding(
                role_subject(login.name), f"{ident(login.name)} {'; '.join(powers)}", fix=tuple(fixes)
            )
