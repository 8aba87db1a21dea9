"""A login was granted SET or ALTER SYSTEM on a parameter that only superusers should set.

Why it matters: with such a parameter a login switches logging, triggers or row security off for
itself, or changes the whole server's configuration.

How to fix: REVOKE SET, ALTER SYSTEM ON PARAMETER name FROM role.

Silent when: declared administrators, superusers; parameters that everybody may set anyway; those that switch
the triggers of an audit off, which audit-bypass tells; servers before 15, which have no such grants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.audit_triggers import SWITCHES, is_audited
from pgguard.analysis.bearers import Holding, bearers
from pgguard.analysis.granted import in_cluster
from pgguard.model.finding import Finding, Severity, Subject

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
    free = {row.name.lower() for row in snapshot.settings if row.context == "user"}
    elsewhere = SWITCHES if any(is_audited(one) for one in snapshot.inspected) else frozenset()
    held: list[Holding] = []
    for thing in in_cluster(snapshot):
        if thing.keyword != "PARAMETER" or thing.name.lower() in elsewhere:
            continue
        for grant in thing.grants:
            if grant.privilege == "SET" and thing.name.lower() in free:
                continue
            fix = thing.take_back(grant.grantee, [grant.privilege], database=None)
            held.append(Holding(grant.grantee, f"{grant.privilege} on {thing.name}", fix))
    for bearer in bearers(snapshot, held, policy.is_administrator):
        yield Finding(Subject("role", bearer.name), f"{bearer.name} has {bearer.told(4)}", fix=bearer.fix())
