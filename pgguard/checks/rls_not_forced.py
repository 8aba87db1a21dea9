"""A login that owns a table, or has its owner's rights, is not held to the table's row security.

Why it matters: row security skips the owner unless it is forced; an application that logs in as the
owner sees the patients of every laboratory, and so does whoever injects a statement into it.

How to fix: ALTER TABLE name FORCE ROW LEVEL SECURITY, or make a role with NOLOGIN the owner.

Silent when: forced; owners that nobody logs in as or is a member of; superusers and roles with
BYPASSRLS, which row security never holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.grouping import together
from pgguard.analysis.membership import becomers_by_path, heirs_by_path
from pgguard.analysis.names import relation_name, relation_subject, schema_subject, shorten
from pgguard.changes.tables import force_row_security
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 4",
    "GDPR 25",
    "PostgreSQL manual, 5.9 Row Security Policies",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    acting: dict[str, list[str]] = {}
    for database in snapshot.inspected:
        unforced = []
        for relation in database.relations:
            if not relation.row_security or relation.force_row_security or relation.extension:
                continue
            if relation.owner not in acting:
                acting[relation.owner] = _acting(snapshot, policy, relation.owner)
            if acting[relation.owner]:
                unforced.append(relation)
        for group in together(unforced, lambda one: (one.schema, one.owner)):
            names = [relation_name(relation) for relation in group]
            owner = group[0].owner
            logins = acting[owner]
            who = f"owner {ident(owner)} logs in"
            if owner not in logins:
                have = "has" if len(logins) == 1 else "have"
                listed = shorten([ident(name) for name in logins], 3)
                who = f"{listed} {have} the rights of owner {ident(owner)}"
            tables = f" of {len(names)} tables ({shorten(names, 3)})" if len(group) > 1 else ""
            yield Finding(
                schema_subject(database, group[0].schema)
                if len(group) > 1
                else relation_subject(database, group[0]),
                f"row security{tables} is not forced, and {who}",
                fix=tuple(force_row_security(name, database=database.name) for name in names),
            )


def _acting(snapshot: Snapshot, policy: Policy, owner: str) -> list[str]:
    """The logins that row security takes for the owner, at once or after SET ROLE."""
    role = snapshot.role(owner)
    if role is None or role.superuser or role.bypassrls:
        return []
    names = becomers_by_path(snapshot, heirs_by_path(snapshot, [owner]))
    return sorted(
        login.name
        for login in snapshot.roles
        if login.name in names
        and login.login
        and not login.superuser
        and not login.bypassrls
        and (login.name == owner or not policy.is_administrator(login.name))
    )
