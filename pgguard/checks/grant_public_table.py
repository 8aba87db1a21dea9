"""PUBLIC holds a privilege on a table, view or sequence.

Why it matters: every login that can enter the database, now and in future, reads or changes it; for
patients' data that is access without any need to know.

How to fix: REVOKE ALL ON TABLE name FROM PUBLIC and grant the groups that need it.

Silent when: no such grant on objects of users; where nobody has USAGE on the schema it is only low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.access import reachable_by
from pgguard.analysis.names import relation_name, relation_subject, schema_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables, sensitive_views
from pgguard.changes.privileges import revoke
from pgguard.model.finding import Change, Finding, Severity
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Grant, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "GDPR 25",
    "PostgreSQL manual, 5.8 Privileges",
)
_READS = frozenset({"SELECT"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        yield from _grouped(snapshot, database, list(_exposed(snapshot, database, policy)))


class Exposed(NamedTuple):
    """A relation with what PUBLIC may do to it."""

    relation: Relation
    privileges: tuple[str, ...]
    columns: tuple[tuple[str, tuple[str, ...]], ...]
    severity: Severity


def _exposed(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Exposed]:
    tables = sensitive_tables(database, policy)
    by_relation: dict[int, list[tuple[str, int, tuple[str, ...]]]] = {}
    for column in database.columns:
        if column.acl and (held := _public(database.grants(column.acl))):
            by_relation.setdefault(column.relation, []).append((column.name, column.number, held))
    views = sensitive_views(database, policy)
    for relation in database.relations:
        if relation.system or relation.extension:
            continue
        held = _public(database.grants(relation.acl))
        columns = by_relation.get(relation.oid, [])
        if not held and not columns:
            continue
        readable = not _READS.isdisjoint(held)
        sensitive = {one.column.number for one in tables.get(relation.oid, ())}
        clear = readable and (bool(sensitive) or relation.oid in views)
        clear = clear or any(number in sensitive and "SELECT" in some for _, number, some in columns)
        if not reachable_by(snapshot, database, relation.schema, PUBLIC):
            severity = Severity.LOW
        elif clear and not (relation.row_security and relation.kind in "rp"):
            severity = Severity.CRITICAL
        else:
            severity = Severity.HIGH
        yield Exposed(relation, held, tuple((name, some) for name, _, some in columns), severity)


def _public(grants: tuple[Grant, ...]) -> tuple[str, ...]:
    return tuple(sorted({grant.privilege for grant in grants if grant.grantee == PUBLIC}))


def _grouped(snapshot: Snapshot, database: DatabaseSnapshot, found: list[Exposed]) -> Iterator[Finding]:
    groups: dict[tuple[str, tuple[str, ...]], list[Exposed]] = {}
    for one in found:
        if one.severity is not Severity.CRITICAL:
            groups.setdefault((one.relation.schema, one.privileges), []).append(one)
    large = {key for key, group in groups.items() if len(group) > 5}
    for (schema, privileges), group in groups.items():
        if (schema, privileges) in large:
            names = [relation_name(one.relation) for one in group]
            yield Finding(
                schema_subject(database, schema),
                f"PUBLIC has {', '.join(privileges)} on {len(names)} relations: {shorten(names, 3)}",
                severity=max(one.severity for one in group),
                fix=tuple(_revoke(database, one) for one in group if one.privileges),
            )
    for one in found:
        if (one.relation.schema, one.privileges) in large and one.severity is not Severity.CRITICAL:
            continue
        what = [", ".join(one.privileges)] if one.privileges else []
        what += [f"{', '.join(some)} on column {name}" for name, some in one.columns]
        unreachable = "" if one.severity is not Severity.LOW else ", though nobody has USAGE on the schema"
        fixes = [_revoke(database, one)] if one.privileges else []
        fixes += [
            revoke(
                some, f"TABLE {relation_name(one.relation)}", PUBLIC, database=database.name, columns=[name]
            )
            for name, some in one.columns
        ]
        yield Finding(
            relation_subject(database, one.relation),
            f"PUBLIC has {'; '.join(what)}{unreachable}",
            severity=one.severity,
            fix=tuple(fixes),
        )


def _revoke(database: DatabaseSnapshot, one: Exposed) -> Change:
    kind = "SEQUENCE" if one.relation.kind == "S" else "TABLE"
    return revoke(one.privileges, f"{kind} {relation_name(one.relation)}", PUBLIC, database=database.name)
