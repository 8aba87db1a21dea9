"""A login that is not the owner holds TRUNCATE, TRIGGER or REFERENCES on a sensitive table.

Why it matters: TRUNCATE empties the table past row triggers, audit included; TRIGGER runs one's own
code in others' statements; no application needs them, GRANT ALL gives them.

How to fix: REVOKE TRUNCATE, TRIGGER, REFERENCES ON TABLE name FROM role.

Silent when: nobody but the owner, superusers and declared administrators holds them; what PUBLIC
holds is told by grant-public-table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.able import logins_of
from pgguard.analysis.access import uses_schema
from pgguard.analysis.catalog import columns
from pgguard.analysis.granted import DESTRUCTIVE, of_column, of_relation
from pgguard.analysis.grouping import together
from pgguard.analysis.names import relation_name, relation_subject, schema_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.model.finding import Change, Finding, Severity
from pgguard.model.quote import grantee, ident
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
# so many tables of a schema are told one by one
_MOST = 20
# MAINTAIN comes with GRANT ALL too, and goes with it
_TAKEN = (*DESTRUCTIVE, "MAINTAIN")


class Held(NamedTuple):
    """What one role holds on one sensitive table, in words, and what takes it back."""

    relation: Relation
    what: str
    fix: tuple[Change, ...]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        # per schema: what is told of it as a whole; per table: what is told of the table
        wide: dict[str, list[tuple[str, list[Held]]]] = {}
        narrow: dict[int, list[Held]] = {}
        for group in together(_held(snapshot, database, policy), lambda one: (one.relation.schema, one.what)):
            if len(group) > 1:
                names = [relation_name(one.relation) for one in group]
                told = f"{group[0].what} on {len(names)} sensitive tables: {shorten(names, 10)}"
                wide.setdefault(group[0].relation.schema, []).append((told, group))
            else:
                narrow.setdefault(group[0].relation.oid, []).append(group[0])
        for tables in together(narrow.values(), lambda some: some[0].relation.schema, _MOST):
            relation = tables[0][0].relation
            if len(tables) == 1:
                yield Finding(
                    relation_subject(database, relation),
                    "; ".join(one.what for one in tables[0]),
                    fix=tuple(change for one in tables[0] for change in one.fix),
                )
                continue
            names = [f"{relation_name(some[0].relation)} ({some[0].what})" for some in tables]
            told = f"{len(names)} sensitive tables are open to various roles: {shorten(names, 3)}"
            wide.setdefault(relation.schema, []).append((told, [one for some in tables for one in some]))
        for schema, causes in wide.items():
            yield Finding(
                schema_subject(database, schema),
                shorten([told for told, _ in causes], 3),
                fix=tuple(change for _, group in causes for one in group for change in one.fix),
            )


def _held(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Held]:
    for some in sensitive_tables(database, policy).values():
        relation = some[0].relation
        whole = of_relation(database, relation)
        parts = [of_column(database, relation, one) for one in columns(database, relation.oid) if one.acl]
        held: dict[str, list[str]] = {}
        fixes: dict[str, list[Change]] = {}
        for thing in (whole, *parts):
            for name in dict.fromkeys(grant.grantee for grant in thing.grants):
                found = sorted({one.privilege for one in thing.grants if one.grantee == name} & DESTRUCTIVE)
                if not found or not _counts(snapshot, database, policy, relation, name):
                    continue
                column = f" ({ident(thing.column)})" if thing.column else ""
                held.setdefault(name, []).extend(f"{privilege}{column}" for privilege in found)
                fixes.setdefault(name, []).extend(thing.take_back(name, _TAKEN, database=database.name))
        for name, privileges in sorted(held.items()):
            yield Held(relation, f"{grantee(name)} has {', '.join(privileges)}", tuple(fixes[name]))


def _counts(
    snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy, relation: Relation, holder: str
) -> bool:
    """Whether a login other than the owner and the administrators can make use of what `holder` has."""
    if holder in (PUBLIC, relation.owner):
        return False
    users = uses_schema(snapshot, database, relation.schema)
    return any(
        login != relation.owner and not policy.is_administrator(login)
        for login in logins_of(snapshot, holder)
        # after SET ROLE it is the holder's USAGE that counts
        if login in users or holder in users
    )
