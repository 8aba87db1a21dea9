"""PUBLIC holds a privilege on a table, view or sequence.

Why it matters: every login that can enter the database, now and in future, reads or changes it; for
patients' data that is access without any need to know.

How to fix: REVOKE ALL ON TABLE name FROM PUBLIC and grant the groups that need it.

Silent when: no such grant on objects of users. Critical where it reads patients' data; not where row
security stands between, the view judges its reader (security_invoker), or all that is sensitive is who of
the staff wrote a row. Only low where no login gets as far as the schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.able import able
from pgguard.analysis.catalog import columns
from pgguard.analysis.granted import of_column, of_relation
from pgguard.analysis.grouping import together
from pgguard.analysis.names import relation_name, relation_subject, schema_subject, shorten
from pgguard.analysis.privileges import of_column as securable_column
from pgguard.analysis.privileges import of_relation as securable
from pgguard.analysis.sensitive import sensitive_tables, sensitive_views
from pgguard.model.classification import SENSITIVITY, TRACES
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Grant, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "GDPR 25",
    "PostgreSQL manual, 5.8 Privileges",
)
# so many sensitive tables of a schema are named one by one
_MOST = 20


class Exposed(NamedTuple):
    """A relation with what PUBLIC may do to it in words, how bad that is, the categories of the columns that
    it may read, the worst first, and what takes it back."""

    relation: Relation
    held: str
    severity: Severity
    reads: tuple[str, ...]
    fix: tuple[Change, ...]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        found = _without_partitions(list(_exposed(snapshot, database, policy)))
        worst = [one for one in found if one.severity is Severity.CRITICAL]
        others = [one for one in found if one.severity is not Severity.CRITICAL]
        for group in (*together(worst, _cause, _MOST), *together(others, _cause)):
            first = group[0]
            names = [relation_name(one.relation) for one in group]
            on = f" on {len(names)} relations: {shorten(names, 3)}" if len(group) > 1 else ""
            far = (
                ", though no login gets as far as the schema today" if first.severity is Severity.LOW else ""
            )
            yield Finding(
                relation_subject(database, first.relation)
                if len(group) == 1
                else schema_subject(database, first.relation.schema),
                f"PUBLIC has {first.held}{on}{_reads(group)}{far}",
                severity=max(one.severity for one in group),
                fix=tuple(change for one in group for change in one.fix),
            )


def _exposed(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Exposed]:
    tables = sensitive_tables(database, policy)
    views = sensitive_views(database, policy)
    for relation in database.relations:
        if relation.system or relation.extension:
            continue
        whole = of_relation(database, relation)
        held = _public(whole.grants)
        parts = [
            (column, some)
            for column in columns(database, relation.oid)
            if column.acl and (some := _public(database.grants(column.acl)))
        ]
        if not held and not parts:
            continue
        sensitive = {one.column.number: one.category for one in tables.get(relation.oid, ())}
        reads = set(sensitive.values()) if "SELECT" in held else set[str]()
        reads |= {
            sensitive[one.number] for one, some in parts if one.number in sensitive and "SELECT" in some
        }
        clear = bool(reads - TRACES) or ("SELECT" in held and relation.oid in views)
        judged = (relation.row_security and relation.kind in "rp") or _is_invoker(relation)
        thing = securable(database, relation) if held else securable_column(database, relation, parts[0][0])
        privilege = held[0] if held else parts[0][1][0]
        if not able(snapshot, database, thing, privilege):
            severity = Severity.LOW
        else:
            severity = Severity.CRITICAL if clear and not judged else Severity.HIGH
        said = [", ".join(held)] if held else []
        said += [f"{', '.join(some)} on column {ident(column.name)}" for column, some in parts]
        fixes = [*whole.take_back(PUBLIC, held, database=database.name)]
        for column, some in parts:
            fixes += of_column(database, relation, column).take_back(PUBLIC, some, database=database.name)
        worst_first = tuple(one for one in SENSITIVITY if one in reads)
        yield Exposed(relation, "; ".join(said), severity, worst_first, tuple(fixes))


def _reads(group: list[Exposed]) -> str:
    """The categories that a group of relations lets PUBLIC read, in words."""
    read = {category for one in group for category in one.reads}
    names: list[str] = [one for one in SENSITIVITY if one in read]
    return f", which reads {shorten(names, 4)}" if names else ""


def _public(grants: tuple[Grant, ...]) -> tuple[str, ...]:
    return tuple(sorted({grant.privilege for grant in grants if grant.grantee == PUBLIC}))


def _is_invoker(relation: Relation) -> bool:
    return any(option in ("security_invoker=true", "security_invoker=on") for option in relation.options)


def _without_partitions(found: list[Exposed]) -> list[Exposed]:
    """Partitions that are open as their parent is are told with it."""
    parents = {(one.relation.oid, one.held): one for one in found}
    fixes: dict[int, list[Change]] = {}
    kept = []
    for one in found:
        parent = parents.get((one.relation.parent, one.held))
        while parent is not None and (parent.relation.parent, parent.held) in parents:
            parent = parents[(parent.relation.parent, parent.held)]
        if parent is None:
            kept.append(one)
        else:
            fixes.setdefault(parent.relation.oid, []).extend(one.fix)
    return [one._replace(fix=(*one.fix, *fixes.get(one.relation.oid, ()))) for one in kept]


def _cause(one: Exposed) -> tuple[str, str, bool]:
    return one.relation.schema, one.held, one.severity is Severity.LOW
