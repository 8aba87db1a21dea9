"""A login that is not the owner holds TRUNCATE, TRIGGER or REFERENCES on a sensitive table.

Why it matters: TRUNCATE empties the table past row triggers, audit included; TRIGGER runs one's own
code in others' statements; no application needs them, GRANT ALL gives them.

How to fix: REVOKE TRUNCATE, TRIGGER, REFERENCES ON TABLE name FROM role.

Silent when: nobody but the owner, superusers and declared administrators holds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.access import reachable_by
from pgguard.analysis.membership import login_heirs
from pgguard.analysis.names import relation_name, relation_subject, schema_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.changes.privileges import revoke
from pgguard.model.finding import Change, Finding, Severity
from pgguard.model.quote import grantee
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "NIST AC-6",
    "GDPR 32",
    "PostgreSQL manual, 5.8 Privileges",
)
_DESTRUCTIVE = ("TRUNCATE", "TRIGGER", "REFERENCES")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        groups: dict[tuple[str, tuple[tuple[str, tuple[str, ...]], ...]], list[Relation]] = {}
        for columns in sensitive_tables(database, policy).values():
            relation = columns[0].relation
            held: dict[str, list[str]] = {}
            for grant in database.grants(relation.acl):
                if grant.privilege in _DESTRUCTIVE and grant.grantee != relation.owner:
                    users = _users(snapshot, policy, database, relation, grant.grantee)
                    if users:
                        held.setdefault(grant.grantee, []).append(grant.privilege)
            if held:
                key = tuple(sorted((name, tuple(sorted(some))) for name, some in held.items()))
                groups.setdefault((relation.schema, key), []).append(relation)
        for (schema, held_by), relations in groups.items():
            who_has = "; ".join(f"{grantee(name)} has {', '.join(some)}" for name, some in held_by)
            if len(relations) > 5:
                names = [relation_name(relation) for relation in relations]
                yield Finding(
                    schema_subject(database, schema),
                    f"{who_has} on {len(names)} sensitive tables: {shorten(names, 3)}",
                    fix=tuple(_fixes(database, relations, held_by)),
                )
                continue
            for relation in relations:
                yield Finding(
                    relation_subject(database, relation),
                    who_has,
                    fix=tuple(_fixes(database, [relation], held_by)),
                )


def _users(
    snapshot: Snapshot, policy: Policy, database: DatabaseSnapshot, relation: Relation, holder: str
) -> bool:
    if not reachable_by(snapshot, database, relation.schema, holder):
        return False
    return holder == PUBLIC or any(
        not policy.is_administrator(one) and one != relation.owner for one in login_heirs(snapshot, holder)
    )


def _fixes(
    database: DatabaseSnapshot, relations: list[Relation], held: tuple[tuple[str, tuple[str, ...]], ...]
) -> Iterator[Change]:
    for relation in relations:
        for name, some in held:
            yield revoke(some, f"TABLE {relation_name(relation)}", name, database=database.name)
