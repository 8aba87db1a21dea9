"""Every column of a database with its category: the policy's word where it has one, else the detector's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pgguard.analysis.catalog import columns
from pgguard.model.classification import Classified, Evidence
from pgguard.model.quote import qualified

if TYPE_CHECKING:
    from pgguard.model.policy import ColumnEntry, Policy
    from pgguard.model.snapshot import DatabaseSnapshot

# what was counted in a column's statistics or sample, by (relation oid, column number): pattern name -> count
Counts = Mapping[tuple[int, int], Mapping[str, int]]
KINDS = frozenset("rpmfv")


def classify(
    database: DatabaseSnapshot, policy: Policy, *, counts: Counts | None = None
) -> tuple[Classified, ...]:
    """One `Classified` for every column of the stored relations and views of a database.

    What belongs to the system or to an extension is left out. Raises `Unread` when relations or columns
    could not be read.
    """
    key = ("personal", policy.column, policy.discovery.lexicons)
    if counts is None and key in database._memo:
        known: tuple[Classified, ...] = database._memo[key]
        return known
    found = tuple(_classify(database, policy))
    if counts is None:
        database._memo[key] = found
    return found


def said_once(found: Iterable[Classified]) -> list[Classified]:
    """Without the columns of partitions and of tables that inherit: they follow their parents."""
    return [one for one in found if not one.relation.parent]


def _classify(database: DatabaseSnapshot, policy: Policy) -> list[Classified]:
    from pgguard.analysis.sensitive import _guesses

    declared = _declared(database, policy)
    found = []
    for relation in database.relations:
        if relation.kind not in KINDS or relation.system or relation.extension:
            continue
        own = columns(database, relation.oid)
        guesses = _guesses(relation, own)
        for column in own:
            name = qualified(relation.schema, relation.name, column.name)
            entry = declared.get(name)
            if entry is not None:
                said = Evidence("policy", "the policy says so", 0.0)
                found.append(
                    Classified(
                        database.name, relation, column, entry.category, 1.0, (said,), entry.decided_by
                    )
                )
                continue
            category = guesses.get(column.number, "none")
            reasons = (Evidence("name", "its name", 2.0),) if category != "none" else ()
            found.append(Classified(database.name, relation, column, category, 0.8, reasons))  # type: ignore[arg-type]
    return found


def _declared(database: DatabaseSnapshot, policy: Policy) -> Mapping[str, ColumnEntry]:
    return {entry.name: entry for entry in policy.column if entry.database in ("", database.name)}
