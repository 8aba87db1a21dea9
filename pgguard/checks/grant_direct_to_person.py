"""A personal login holds privileges directly instead of through a group.

Why it matters: rights given person by person are forgotten when the person changes ward or leaves; a
group says what they are for.

How to fix: grant the privileges to a group role (NOLOGIN), make the person a member, then REVOKE the
direct grants.

Silent when: rights through groups; services and administrators are not meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import function_name, relation_name, role_subject, shorten
from pgguard.analysis.people import personal_logins
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "NIST AC-2",
    "ISO 27001 A.5.15",
    "PostgreSQL manual, 22.3 Role Membership",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    people = {role.name for role in personal_logins(snapshot, policy)}
    held: dict[str, list[str]] = {}
    for database in snapshot.inspected:
        names = {relation.oid: relation_name(relation) for relation in database.relations}
        objects = [(names[relation.oid], relation.owner, relation.acl) for relation in database.relations]
        objects += [(f"schema {ident(schema.name)}", schema.owner, schema.acl) for schema in database.schemas]
        objects += [(function_name(one), one.owner, one.acl) for one in database.functions]
        objects += [
            (f"{names[column.relation]}.{ident(column.name)}", "", column.acl)
            for column in database.columns
            if column.acl and column.relation in names
        ]
        for name, owner, acl in objects:
            for grantee in {grant.grantee for grant in database.grants(acl)}:
                if grantee in people and grantee != owner:
                    held.setdefault(grantee, []).append(name)
    for person, what in sorted(held.items()):
        count = f"{len(what)} object{'s' if len(what) > 1 else ''}"
        yield Finding(
            role_subject(person), f"{ident(person)} holds direct grants on {count}: {shorten(what, 3)}"
        )
