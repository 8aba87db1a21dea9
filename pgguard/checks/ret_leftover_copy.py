"""A copy of a sensitive table lies around.

Why it matters: what a migration, an export or a test left behind keeps patients' data past every
deadline, outside the grants, the audit and the corrections that the original gets.

How to fix: make sure that nobody needs it any more, then DROP TABLE; a copy that is needed until a
day goes into the policy ([[staging]] table, reason, until).

Silent when: declared staging within its date; partitions, inheritance children, views; history that
the original's triggers write; a name with "old" or "import" in it and other columns. Only low: an
archive.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pgguard.analysis.copies import copies
from pgguard.analysis.grouping import together
from pgguard.analysis.names import relation_name, relation_subject, schema_subject, shorten
from pgguard.changes.tables import drop_table
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.copies import Copy
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CNIL SAN-2022-009 (no erasure after migration)",
    "GDPR 5(1)(e)",
    "GDPR 17",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    today = datetime.date.fromisoformat(snapshot.server.now[:10])
    for database in snapshot.inspected:
        declared = {
            entry.table
            for entry in policy.staging
            if entry.database in ("", database.name) and entry.until >= today
        }
        found = [
            one
            for one in copies(database, policy)
            if declared.isdisjoint(
                {relation_name(one.relation), f"{one.relation.schema}.{one.relation.name}"}
            )
        ]
        for group in together(found, _cause):
            first = group[0].relation
            tables = [relation_name(one.relation) for one in group]
            if len(group) > 1:
                original = group[0].original
                of = relation_name(original) if original is not None else "a table that is gone"
                yield Finding(
                    schema_subject(database, first.schema),
                    f"{len(tables)} tables look like copies of {of}: {shorten(tables, 3)}",
                    severity=_severity(group[0]),
                    fix=tuple(drop_table(table, database=database.name) for table in tables),
                )
                continue
            rows = f", about {first.estimated_rows:,.0f} rows" if first.estimated_rows > 0 else ""
            yield Finding(
                relation_subject(database, first),
                f"has {group[0].why}{rows}" + ("" if group[0].original else ", and the name of a copy"),
                severity=_severity(group[0]),
                fix=(drop_table(tables[0], database=database.name),),
            )


def _severity(copy: Copy) -> Severity | None:
    if copy.archive:
        return Severity.LOW
    return None if copy.certain else Severity.MEDIUM


def _cause(copy: Copy) -> tuple[str, int, Severity | None]:
    # copies whose original is gone have no cause in common
    origin = copy.original.oid if copy.original is not None else -copy.relation.oid
    return copy.relation.schema, origin, _severity(copy)
