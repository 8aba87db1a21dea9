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
# MAINTAIN comes with GRANT ALL too, and goes with it
_TAKEN = (*DESTRUCTIVE, "MAINTAIN")


class Exposed(NamedTuple):
    """A sensitive table, who holds what on it in words, and what takes that back."""

    relation: Relation
    held: str
    fix: tuple[Change, ...]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        for group in together(
            _exposed(snapshot, database, policy), lambda one: (one.relation.schema, one.held)
        ):
            names = [relation_name(one.relation) for one in group]
            on = f" on {len(names)} sensitive tables: {shorten(names, 10)}" if len(group) > 1 else ""
            yield Finding(
                relation_subject(database, group[0].relation)
                if len(group) == 1
                else schema_subject(database, group[0].relation.schema),
                group[0].held + on,
                fix=tuple(change for one in group for change in one.fix),
            )


def _exposed(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Exposed]:
    for some in sensitive_tables(database, policy).values():
        relation = some[0].relation
        held: dict[str, list[str]] = {}
        fixes: list[Change] = []
        whole = of_relation(database, relation)
        parts = [of_column(database, relation, one) for one in columns(database, relation.oid) if one.acl]
        for thing in (whole, *parts):
            for name in dict.fromkeys(grant.grantee for grant in thing.grants):
                found = sorted({one.privilege for one in thing.grants if one.grantee == name} & DESTRUCTIVE)
                if not found or not _counts(snapshot, database, policy, relation, name):
                    continue
                column = f" ({thing.told.rpartition('.')[2]})" if thing.column else ""
                held.setdefault(name, []).extend(f"{privilege}{column}" for privilege in found)
                fixes += thing.take_back(name, _TAKEN, database=database.name)
        if held:
            told = "; ".join(f"{grantee(name)} has {', '.join(some)}" for name, some in sorted(held.items()))
            yield Exposed(relation, told, tuple(fixes))


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
