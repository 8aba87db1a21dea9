"""A login was granted SET or ALTER SYSTEM on a parameter that only superusers should set.

Why it matters: with such a parameter a login switches logging, triggers or row security off for
itself, or changes the whole server's configuration.

How to fix: REVOKE SET, ALTER SYSTEM ON PARAMETER name FROM role.

Silent when: declared administrators, superusers; parameters that everybody may set anyway; servers
before 15, which have no such grants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import login_heirs
from pgguard.analysis.names import role_subject, shorten
from pgguard.changes.privileges import revoke
from pgguard.model.finding import Change, Finding, Severity
from pgguard.model.quote import grantee
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "PostgreSQL manual, 5.8 Privileges",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    contexts = {row.name.lower(): row.context for row in snapshot.settings}
    held: dict[str, list[str]] = {}
    fixes: dict[str, list[Change]] = {}
    for parameter in snapshot.parameter_acls:
        harmless = contexts.get(parameter.name.lower()) == "user"
        for grant in snapshot.grants(parameter.acl):
            if harmless and grant.privilege == "SET":
                continue
            grantees = login_heirs(snapshot, grant.grantee)
            if grant.grantee != PUBLIC and all(policy.is_administrator(one) for one in grantees):
                continue
            role = snapshot.role(grant.grantee)
            if role is not None and role.superuser:
                continue
            held.setdefault(grant.grantee, []).append(f"{grant.privilege} on {parameter.name}")
            fixes.setdefault(grant.grantee, []).append(
                revoke([grant.privilege], f"PARAMETER {parameter.name}", grant.grantee)
            )
    for name, what in sorted(held.items()):
        yield Finding(
            role_subject(name), f"{grantee(name)} has {shorten(sorted(what), 4)}", fix=tuple(fixes[name])
        )
