"""Values of erased or encrypted data are left where nobody looks: in statistics, or in a slot's WAL.

Why it matters: ANALYZE keeps hundreds of values of a column, and keeps them when the column or the table has
been emptied; a slot that nobody reads keeps WAL in which values stand in clear, long after they were erased.

How to fix: remove the rows of pg_statistic, and write that table anew (VACUUM FULL pg_catalog.pg_statistic);
drop the slot, or reconnect its reader. `pgguard verify --residue` searches for what is left.

Silent when: ANALYZE has run since, on what is there now; no column of the cluster is encrypted, as for
slots, whose hold on the disk repl-inactive-slot tells of. Archives, standbys and backups, of which the
catalog knows nothing, are listed by `pgguard verify --residue`; a clear column that is still there, or was
dropped and lies in the table's file, is told by enc-leftover-plaintext.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.ciphertext import Stored, stored
from pgguard.analysis.encrypted import encrypted
from pgguard.analysis.grouping import place, together
from pgguard.analysis.names import relation_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.changes.slots import drop_slot
from pgguard.changes.statistics import clear_statistics
from pgguard.model.classification import TRACES
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "GDPR 17",
    "GDPR 5(1)(e)",
    "NIST MP-6",
    "PostgreSQL manual, 14.2 Statistics Used by the Planner",
)
_MB = 1024 * 1024

Emptied = tuple["Relation", list["Column"]]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    is_encrypted = False
    for database in snapshot.inspected:
        is_encrypted = is_encrypted or bool(encrypted(database))
        found = list(_emptied(snapshot, database, policy))
        for group in together(found, lambda one: one[0].schema):
            yield _kept(snapshot, database, group)
    if is_encrypted:
        yield from _slots(snapshot)


def _emptied(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Emptied]:
    """Tables with columns that hold nothing any more and of which statistics hold values."""
    empty: dict[int, dict[int, Column]] = {}
    for pair in encrypted(database):
        if pair.clear is not None and pair.empty is not None and pair.empty.validated:
            empty.setdefault(pair.relation.oid, {})[pair.clear.number] = pair.clear
    for oid, sensitive in sensitive_tables(database, policy).items():
        relation = sensitive[0].relation
        # no page at all: since TRUNCATE, or since VACUUM gave them back
        if relation.kind not in ("r", "m") or relation.pages or relation.estimated_rows > 0:
            continue
        for one in sensitive:
            if (
                one.category not in TRACES
                and stored(snapshot, database, relation, one.column) is Stored.CLEAR
            ):
                empty.setdefault(oid, {})[one.column.number] = one.column
    if not empty:
        return
    kept = {(row.relation, number) for row in database.planner_statistics for number in row.columns}
    for relation in database.relations:
        columns = [
            one for number, one in empty.get(relation.oid, {}).items() if (relation.oid, number) in kept
        ]
        if columns:
            yield relation, columns


def _kept(snapshot: Snapshot, database: DatabaseSnapshot, group: list[Emptied]) -> Finding:
    names = [
        qualified(relation.schema, relation.name, one.name) for relation, columns in group for one in columns
    ]
    relations = [relation for relation, _ in group]
    return Finding(
        relation_subject(database, relations[0])
        if len(relations) == 1
        else place(database, (one.schema for one in relations)),
        f"the planner's statistics hold values of {shorten(names, 3)}, where there is nothing any more",
        fix=tuple(
            clear_statistics(
                relation.schema,
                relation.name,
                one.name,
                inherited=row.inherited,
                major=snapshot.major,
                database=database.name,
            )
            for relation, columns in group
            for one in columns
            for row in database.planner_statistics
            if row.relation == relation.oid and one.number in row.columns
        ),
    )


def _slots(snapshot: Snapshot) -> Iterator[Finding]:
    for slot in snapshot.slots:
        copied = snapshot.server.in_recovery and slot.kind == "logical"
        if slot.active or copied or not slot.retained_bytes:
            continue
        held = max(1, slot.retained_bytes // _MB)
        yield Finding(
            Subject("cluster", ident(slot.name)),
            f"{slot.kind} slot {ident(slot.name)} is inactive and keeps {held} MB of WAL, in which "
            "values of encrypted columns may stand in clear",
            fix=(drop_slot(slot.name),),
        )
