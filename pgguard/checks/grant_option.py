"""A login that is not a declared administrator may hand on rights (GRANT OPTION, ADMIN OPTION).

Why it matters: who reads patients' data is then decided by whoever happens to hold the option, past
the people who answer for it.

How to fix: REVOKE GRANT OPTION FOR ..., REVOKE ADMIN OPTION FOR ...; what was handed on already goes
with CASCADE only, so look first.

Silent when: owners on their own objects, declared administrators, superusers, and the ADMIN OPTION
that CREATEROLE brings from 16 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import login_heirs
from pgguard.analysis.names import function_name, relation_name, role_subject, shorten
from pgguard.changes.privileges import revoke, revoke_membership
from pgguard.model.finding import Change, Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "NIST AC-6",
    "PostgreSQL manual, GRANT",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    powers: dict[str, list[str]] = {}
    fixes: dict[str, list[Change]] = {}
    for database in snapshot.inspected:
        for relation in database.relations:
            for grant in database.grants(relation.acl):
                if grant.grantable and grant.grantee != relation.owner:
                    name = relation_name(relation)
                    powers.setdefault(grant.grantee, []).append(f"{grant.privilege} on {name}")
                    fixes.setdefault(grant.grantee, []).append(
                        revoke(
                            [grant.privilege],
                            f"TABLE {name}",
                            grant.grantee,
                            database=database.name,
                            grant_option_only=True,
                        )
                    )
        for schema in database.schemas:
            for grant in database.grants(schema.acl):
                if grant.grantable and grant.grantee != schema.owner:
                    powers.setdefault(grant.grantee, []).append(
                        f"{grant.privilege} on schema {ident(schema.name)}"
                    )
        for function in database.functions:
            for grant in database.grants(function.acl):
                if grant.grantable and grant.grantee != function.owner:
                    powers.setdefault(grant.grantee, []).append(
                        f"{grant.privilege} on {function_name(function)}"
                    )
        for column in database.columns:
            for grant in database.grants(column.acl):
                if grant.grantable:
                    powers.setdefault(grant.grantee, []).append(f"{grant.privilege} on column {column.name}")
    for row in snapshot.databases:
        for grant in snapshot.grants(row.acl):
            if grant.grantable and grant.grantee != row.owner:
                powers.setdefault(grant.grantee, []).append(
                    f"{grant.privilege} on database {ident(row.name)}"
                )
    bootstrap = {role.name for role in snapshot.roles if role.bootstrap}
    for edge in snapshot.memberships:
        member = snapshot.role(edge.member)
        by_creating = member is not None and member.createrole and edge.grantor in bootstrap
        if edge.admin and not (by_creating and snapshot.major >= 16):
            powers.setdefault(edge.member, []).append(f"membership of {ident(edge.role)}")
            fixes.setdefault(edge.member, []).append(
                revoke_membership(edge.role, edge.member, admin_only=True)
            )
    for name, what in sorted(powers.items()):
        users = [one for one in login_heirs(snapshot, name) if not policy.is_administrator(one)]
        if not users:
            continue
        by = "" if users == [name] else f", held by {shorten([ident(user) for user in users], 3)}"
        yield Finding(
            role_subject(name),
            f"{ident(name)} may hand on {shorten(sorted(set(what)), 3)}{by}",
            fix=tuple(fixes.get(name, ())),
        )
