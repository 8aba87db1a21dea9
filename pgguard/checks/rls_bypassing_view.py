"""A view shows others the rows that row security keeps from them.

Why it matters: a view reads with its owner's rights; when row security does not hold its owner, each
patient of every doctor is in the view, for all who may read it.

How to fix: ALTER VIEW name SET (security_invoker = true) from PostgreSQL 15 on, and grant its readers
the table; before 15 make a role that the policies hold the owner of the view.

Silent when: security_invoker views; owners that a policy limits; nobody else can read the view, or
its readers see all rows of the table anyway. Only low: counts, and groups of nothing that names a
person, and views that choose the rows by the session's user themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.able import able
from pgguard.analysis.grouping import together
from pgguard.analysis.membership import heirs
from pgguard.analysis.names import relation_name, relation_subject, schema_subject, shorten
from pgguard.analysis.own import AUDIT, AUDITOR
from pgguard.analysis.privileges import of_column, of_relation
from pgguard.analysis.row_security import bypasses, limits
from pgguard.analysis.sensitive import sensitive_columns
from pgguard.analysis.views import VIEWS, hands_out, is_invoker, lineage, usable_by
from pgguard.changes.views import read_as_user
from pgguard.model.finding import Change, Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "Supabase splinter",
    "GDPR 25",
    "PostgreSQL manual, CREATE VIEW, and 5.9 Row Security Policies",
)
# a count of these says how many, not who
_COUNTED = frozenset({"health_observation", "care_event", "special_category", "demographic", "death"})


class _Leak(NamedTuple):
    view: Relation
    table: Relation
    readers: tuple[str, ...]
    severity: Severity


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        if not any(relation.row_security for relation in database.relations):
            continue
        for group in together(_leaks(snapshot, database, policy), _cause):
            first = group[0]
            views = [relation_name(one.view) for one in group]
            readers = sorted({ident(name) for one in group for name in one.readers})
            shows = "it shows" if len(group) == 1 else f"{len(views)} views ({shorten(views, 3)}) show"
            secured = shorten(list(dict.fromkeys(relation_name(one.table) for one in group)), 3)
            yield Finding(
                relation_subject(database, first.view)
                if len(group) == 1
                else schema_subject(database, first.view.schema),
                f"{shows} {shorten(readers, 3)} rows of {secured}, because owner {ident(first.view.owner)} "
                f"{_why(snapshot, database, first)}",
                severity=first.severity,
                fix=tuple(_fixes(snapshot, database, group)),
            )


def _leaks(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[_Leak]:
    relations = catalog.relations(database)
    for view in database.relations:
        if view.kind not in VIEWS or view.extension or view.system or is_invoker(view):
            continue
        # its view asks by itself whether somebody is a reader of the audit
        if (view.schema, view.owner) == (AUDIT, AUDITOR):
            continue
        for oid in dict.fromkeys(used.relation for used in catalog.uses(database, view.oid)):
            table = relations.get(oid)
            if table is None or not table.row_security or table.kind not in "rp":
                continue
            if _is_held(snapshot, database, table, view.owner) or _is_broken(snapshot, database, view):
                continue
            readers = {
                login
                for login in _readers(snapshot, database, view)
                if not policy.is_administrator(login) and _is_kept_out(snapshot, database, table, login)
            }
            if readers:
                yield _Leak(
                    view, table, tuple(sorted(readers)), _severity(snapshot, database, policy, view, table)
                )


def _readers(snapshot: Snapshot, database: DatabaseSnapshot, view: Relation) -> frozenset[str]:
    """The logins that read the view itself, or a view that is built on it."""
    found: frozenset[str] = frozenset()
    seen = {view.oid}
    queue = [view]
    while queue:
        here = queue.pop()
        found |= able(snapshot, database, of_relation(database, here), "SELECT")
        for used in catalog.used_by(database, here.oid):
            above = catalog.relations(database).get(used.view)
            if above is not None and above.oid not in seen and not _is_broken(snapshot, database, above):
                seen.add(above.oid)
                queue.append(above)
    return found


def _is_kept_out(snapshot: Snapshot, database: DatabaseSnapshot, table: Relation, login: str) -> bool:
    """Whether a login does not see all rows of the table by itself."""
    if login in heirs(snapshot, table.owner, database.name):
        return False
    things = [of_relation(database, table)]
    things += [of_column(database, table, one) for one in catalog.columns(database, table.oid) if one.acl]
    may_read = any(login in able(snapshot, database, thing, "SELECT") for thing in things)
    return not may_read or _is_held(snapshot, database, table, login)


def _is_held(snapshot: Snapshot, database: DatabaseSnapshot, table: Relation, role: str) -> bool:
    # a policy that lets everybody see everything is a mistake of its own, which will be put right
    return limits(snapshot, database, table, role, for_everybody=False)


def _is_broken(snapshot: Snapshot, database: DatabaseSnapshot, view: Relation) -> bool:
    return usable_by(snapshot, database, view) == frozenset()


def _severity(
    snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy, view: Relation, table: Relation
) -> Severity:
    shown = lineage(database, view)
    handed = hands_out(database, view, table)
    naming = {
        one.column.number
        for one in sensitive_columns(database, policy)
        if one.relation.oid == table.oid and one.category not in _COUNTED
    }
    if shown.by_user or not handed or (shown.grouped and naming.isdisjoint(handed)):
        return Severity.LOW
    return severity


def _cause(leak: _Leak) -> tuple[str, str, Severity]:
    return leak.view.schema, leak.view.owner, leak.severity


def _why(snapshot: Snapshot, database: DatabaseSnapshot, leak: _Leak) -> str:
    owner = snapshot.role(leak.view.owner)
    if owner is not None and owner.superuser:
        return "is a superuser"
    if owner is not None and owner.bypassrls:
        return "has BYPASSRLS"
    if bypasses(snapshot, database, leak.table, leak.view.owner):
        return "has the rights of the table's owner"
    return "has a policy of its own that lets every row through"


def _fixes(snapshot: Snapshot, database: DatabaseSnapshot, group: list[_Leak]) -> Iterator[Change]:
    for one in group:
        if snapshot.major >= 15 and one.view.kind == "v":
            yield read_as_user(relation_name(one.view), database=database.name)
