"""Nothing keeps a trace of who changes a sensitive table.

Why it matters: after a leak, a mistake or a complaint nobody can say who changed a patient's record, when,
and what stood there before; the law asks for just that.

How to fix: put pgguard's audit triggers on the table for INSERT, UPDATE, DELETE and TRUNCATE and enable
them ALWAYS, so that they fire for replicated and restored rows too.

Silent when: there is a trigger for all four, on every partition (of foreign tables the first three), whether
it is enabled or not (audit-disabled); views and materialized views; pgguard's own tables; tables whose only
personal data are who of the staff wrote a row, or from where; waived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.audit_triggers import EVENTS, leaves, unseen
from pgguard.analysis.ciphertext import SCHEMA
from pgguard.analysis.grouping import place, together
from pgguard.analysis.names import database_subject, relation_name, relation_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.analysis.waivers import waived
from pgguard.model.classification import SENSITIVITY, TRACES
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "CNIL SAN-2022-009 (no supervision)",
    "HIPAA 164.312(b)",
    "ISO 27001 A.8.15",
)
_ID = "audit-missing"
_WORST_FIRST: dict[str, int] = {category: rank for rank, category in enumerate(SENSITIVITY)}


class _Blind(NamedTuple):
    """A table with writes that no audit trigger is there for: which, and on how many of its partitions."""

    relation: Relation
    worst: int
    missing: tuple[str, ...]
    partitions: int
    of: int


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        tables = [one for one in sensitive_tables(database, policy).values() if _is_judged(one)]
        blind = [one for one in (_blind(database, columns) for columns in tables) if one is not None]
        names = waived(snapshot, database, policy, _ID)
        apart = [one for one in blind if relation_name(one.relation) in names]
        rest = [one for one in blind if relation_name(one.relation) not in names]
        for one in apart:
            yield _of_table(database, one)
        nothing = [one for one in rest if one.missing == _all(one.relation)]
        if len(nothing) > 1 and len(nothing) + len(apart) == len(tables):
            nothing.sort(
                key=lambda one: (one.worst, -one.relation.estimated_rows, relation_name(one.relation))
            )
            worst = shorten([relation_name(one.relation) for one in nothing], 3)
            yield Finding(
                database_subject(database.name),
                f"none of the {len(nothing)} sensitive tables has an audit trigger; the worst: {worst}",
            )
            continue
        for group in together(rest, lambda one: (one.relation.schema, one.missing)):
            if len(group) == 1:
                yield _of_table(database, group[0])
                continue
            tables_named = shorten([relation_name(one.relation) for one in group], 3)
            yield Finding(
                place(database, (one.relation.schema for one in group)),
                f"{len(group)} sensitive tables are not audited ({tables_named}): {_told(group[0])}",
            )


def _is_judged(columns: Sequence[Sensitive]) -> bool:
    relation = columns[0].relation
    # partitions are told with their parent
    return (
        relation.kind in "rpf"
        and not relation.is_partition
        # what keeps the traces has none of its own
        and relation.schema != SCHEMA
        and not {one.category for one in columns} <= TRACES
    )


def _blind(database: DatabaseSnapshot, columns: Sequence[Sensitive]) -> _Blind | None:
    relation = columns[0].relation
    # a partitioned table holds no rows itself, and one without partitions will
    parts = leaves(database, relation) or (relation,)
    open_ones = [found for found in (unseen(database, part) for part in parts) if found]
    if not open_ones:
        return None
    lacking = {event for found in open_ones for event in found}
    return _Blind(
        relation,
        min(_WORST_FIRST.get(one.category, len(_WORST_FIRST)) for one in columns),
        tuple(event for event in EVENTS if event in lacking),
        len(open_ones),
        len(parts) if relation.kind == "p" and parts[0] is not relation else 0,
    )


def _all(relation: Relation) -> tuple[str, ...]:
    return EVENTS[:3] if relation.kind == "f" else EVENTS


def _of_table(database: DatabaseSnapshot, one: _Blind) -> Finding:
    return Finding(relation_subject(database, one.relation), _told(one))


def _told(one: _Blind) -> str:
    said = f"no audit trigger sees {', '.join(one.missing)}"
    if one.of:
        said += f" on {one.partitions} of its {one.of} partition{'s' if one.of > 1 else ''}"
    return said
