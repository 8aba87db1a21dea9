"""What holds data of persons: new sensitive columns and tables, and encryption that was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.ciphertext import Stored, stored
from pgguard.analysis.drift.comparison import relations, same_shape, unchanged
from pgguard.analysis.drift.difference import Difference, Direction
from pgguard.analysis.names import relation_name
from pgguard.analysis.sensitive import STORED, sensitive_columns
from pgguard.model.finding import Severity
from pgguard.model.quote import qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.drift.comparison import Comparison, Pair
    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.snapshot import DatabaseSnapshot

CLASSIFIED_BY = ("relations", "columns", "comments", "column_labels", "constraints")
STORED_BY = ("column_settings", "functions", "definitions", "view_columns", "extended_statistics", "triggers")
_PROTECTED = frozenset({Stored.ENCRYPTED, Stored.HASHED})


def names(comparison: Comparison, pair: Pair) -> frozenset[str]:
    """The names of the sensitive columns of both sides, and of the tables that have some.

    Classifying a large database takes seconds: asked only when there is something to weigh.
    """
    key = ("drift sensitive names", id(pair.before), comparison.policy.column)
    known: frozenset[str] | None = pair.after._memo.get(key)
    if known is None:
        sides = (pair.after,) if _alike(pair) else (pair.before, pair.after)
        found = set()
        for side in sides:
            for one in sensitive_columns(side, comparison.policy):
                found.add(relation_name(one.relation))
                found.add(qualified(one.relation.schema, one.relation.name, one.column.name))
        known = pair.after._memo[key] = frozenset(found)
    return known


def _alike(pair: Pair) -> bool:
    """Whether the columns of both sides are classified alike, since nothing differs that is looked at."""
    return same_shape(pair) and unchanged(pair, "comments", "column_labels", "constraints")


def columns(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Sensitive columns that are new or gone. Needs what columns are classified by."""
    if _alike(pair):
        return
    old = _by_name(comparison, pair, pair.before, renamed=True)
    new = _by_name(comparison, pair, pair.after)
    had = {relation_name(was) for was, now in relations(comparison, pair) if was}
    there = {relation_name(now): was for was, now in relations(comparison, pair) if was and now}
    for name, one in new.items():
        if name not in old:
            table = relation_name(one.relation)
            former = there.get(table)
            is_new = former is None
            known = former is not None and catalog.column_named(pair.before, former.oid, one.column.name)
            does = "is a new sensitive column" if not known else "counts as sensitive now"
            yield Difference(
                "sensitive-data",
                Direction.WIDENED,
                Severity.MEDIUM,
                "column",
                (name,),
                does,
                tail=f"({one.category}{', in a new table' if is_new else ''})",
                database=pair.name,
            )
    for name, one in old.items():
        if name not in new and relation_name(one.relation) in had:
            yield Difference(
                "sensitive-data",
                Direction.NARROWED,
                Severity.LOW,
                "column",
                (name,),
                "is no longer among the sensitive columns",
                tail=f"({one.category})",
                database=pair.name,
            )


def encryption(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Columns that were encrypted or hashed and are no longer, or are anew. Needs also what tells of it.

    Asked of the columns that are sensitive or marked as encrypted on one side.
    """
    if _alike(pair) and unchanged(pair, *STORED_BY):
        return
    marked = _marked(pair.before), _marked(pair.after)
    known = {(one.relation.oid, one.column.name) for one in sensitive_columns(pair.after, comparison.policy)}
    if not _alike(pair):
        had = {
            (one.relation.oid, one.column.name) for one in sensitive_columns(pair.before, comparison.policy)
        }
        renumbered = {old.oid: new.oid for old, new in relations(comparison, pair) if old and new}
        known |= {(renumbered[oid], name) for oid, name in had if oid in renumbered}
    for old, new in relations(comparison, pair):
        if old is None or new is None or old.kind not in STORED or new.kind not in STORED:
            continue
        before = {one.name: one for one in catalog.columns(pair.before, old.oid)}
        for column in catalog.columns(pair.after, new.oid):
            was = before.get(column.name)
            told = (new.oid, column.name) in known or (new.oid, column.number) in marked[1]
            if was is None or not (told or (old.oid, was.number) in marked[0]):
                continue
            kept = stored(comparison.before, pair.before, old, was)
            keeps = stored(comparison.after, pair.after, new, column)
            name = qualified(new.schema, new.name, column.name)
            if kept in _PROTECTED and keeps not in _PROTECTED:
                shown = (
                    "in clear" if keeps is Stored.CLEAR else "in bytes of which nothing tells what they are"
                )
                yield _stored(pair, name, f"is stored {shown} now", Direction.WIDENED, kept)
            elif keeps in _PROTECTED and kept not in _PROTECTED:
                yield _stored(pair, name, f"is stored {keeps.value} now", Direction.NARROWED, kept)


def _marked(database: DatabaseSnapshot) -> frozenset[tuple[int, int]]:
    return frozenset((one.relation, one.number) for one in database.column_settings if one.mark)


def _stored(pair: Pair, name: str, does: str, direction: Direction, before: Stored) -> Difference:
    severity = Severity.CRITICAL if direction is Direction.WIDENED else Severity.LOW
    tail = f"(before: {before.value})"
    return Difference(
        "encryption", direction, severity, "column", (name,), does, tail=tail, database=pair.name
    )


def _by_name(
    comparison: Comparison, pair: Pair, database: DatabaseSnapshot, *, renamed: bool = False
) -> dict[str, Sensitive]:
    now = {}
    if renamed:
        now = {old.oid: new for old, new in relations(comparison, pair) if old and new}
    found = {}
    for one in sensitive_columns(database, comparison.policy):
        relation = now.get(one.relation.oid, one.relation)
        found[qualified(relation.schema, relation.name, one.column.name)] = one
    return found
