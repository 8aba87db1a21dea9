"""A login that nobody declared holds MAINTAIN on sensitive tables.

Why it matters: VACUUM FULL, CLUSTER and LOCK TABLE stop everybody's work on the table for as long as
they last, and REFRESH rewrites what a view shows.

How to fix: REVOKE MAINTAIN ON TABLE name FROM role, or the membership of pg_maintain.

Silent when: owners, superusers, declared accounts; servers before 17, which have no such privilege.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import inherited_roles, login_heirs, logins
from pgguard.analysis.names import relation_name, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import grantee
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "NIST AC-6",
    "PostgreSQL manual, 5.8 Privileges",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    held: dict[str, list[str]] = {}
    for login in logins(snapshot):
        if not login.superuser and "pg_maintain" in inherited_roles(snapshot, login.name):
            held.setdefault(login.name, []).append("every table (pg_maintain)")
    for database in snapshot.inspected:
        for columns in sensitive_tables(database, policy).values():
            relation = columns[0].relation
            for grant in database.grants(relation.acl):
                if grant.privilege == "MAINTAIN" and grant.grantee != relation.owner:
                    held.setdefault(grant.grantee, []).append(relation_name(relation))
    for name, what in sorted(held.items()):
        users = [one for one in login_heirs(snapshot, name) if not policy.is_declared(one)]
        if name == PUBLIC or users:
            yield Finding(Subject("role", grantee(name)), f"{grantee(name)} may maintain {shorten(what, 3)}")
