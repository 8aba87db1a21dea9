"""A login holds pg_read_all_data or pg_write_all_data.

Why it matters: it reads or changes every table of every database of the cluster, those of patients
and those still to come included.

How to fix: REVOKE the membership and grant the tables the task needs, or declare the account in the
policy.

Silent when: declared services and administrators, superusers.
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
    "GDPR 25",
    "NIST AC-6",
    "PostgreSQL manual, 22.5 Predefined Roles",
)
_BROAD = ("pg_read_all_data", "pg_write_all_data")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for login in logins(snapshot):
        if login.superuser or policy.is_declared(login.name):
            continue
        # SET ROLE gives as much as inheritance
        paths = {**settable_roles(snapshot, login.name), **inherited_roles(snapshot, login.name)}
        held = [broad for broad in _BROAD if broad in paths]
        if held:
            ways = [" -> ".join(ident(name) for name in paths[broad]) for broad in held]
            yield Finding(
                role_subject(login.name),
                f"{ident(login.name)} holds {' and '.join(held)} ({'; '.join(ways)})",
                fix=tuple(revoke_membership(paths[broad][-1], paths[broad][-2]) for broad in held),
            )
