"""A login that nobody declared holds MAINTAIN on sensitive tables.

Why it matters: VACUUM FULL, CLUSTER and LOCK TABLE stop everybody's work on the table for as long as
they last, and REFRESH rewrites what a view shows.

How to fix: REVOKE MAINTAIN ON TABLE name FROM role, or the membership of pg_maintain.

Silent when: owners, superusers, declared accounts; whoever holds TRUNCATE, TRIGGER or REFERENCES on
the table too (see grant-destructive); servers before 17, which have no such privilege.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.bearers import Holding, bearers
from pgguard.analysis.granted import DESTRUCTIVE, of_relation
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.changes.memberships import revoke_grant
from pgguard.model.finding import Finding, Severity, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "NIST AC-6",
    "PostgreSQL manual, 5.8 Privileges",
)
_ROLE = "pg_maintain"


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    held = [
        Holding(edge.member, f"every table ({_ROLE})", (revoke_grant(edge, major=snapshot.major),))
        for edge in snapshot.memberships
        if edge.role == _ROLE and (edge.inherit or edge.set)
    ]
    for database in snapshot.inspected:
        for columns in sensitive_tables(database, policy).values():
            thing = of_relation(database, columns[0].relation)
            destructive = {grant.grantee for grant in thing.grants if grant.privilege in DESTRUCTIVE}
            for grant in thing.grants:
                if (
                    grant.privilege == "MAINTAIN"
                    and grant.grantee != thing.owner
                    and grant.grantee not in destructive
                ):
                    fix = thing.take_back(grant.grantee, ["MAINTAIN"], database=database.name)
                    held.append(Holding(grant.grantee, thing.name, fix))
    for bearer in bearers(snapshot, held, policy.is_declared):
        yield Finding(
            Subject("role", bearer.name), f"{bearer.name} may maintain {bearer.told()}", fix=bearer.fix()
        )
