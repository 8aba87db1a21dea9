"""What holds data of persons: new sensitive columns and tables, and encryption that was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.ciphertext import Stored, stored
from pgguard.analysis.drift.comparison import relations, same_shape, unchanged
from pgguard.analysis.drift.difference import Difference, Direction
from pgguard.analysis.names import relation_name
from pgguard.analysis.sensitive import sensitive_columns
from pgguard.model.finding import Severity
from pgguard.model.quote import qualified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.analysis.drift.comparison import Comparison, Pair
    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.rows import Relation
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
    there = {relation_name(now) for was, now in relations(comparison, pair) if was and now}
    for name, one in new.items():
        if name not in old:
            table = relation_name(one.relation)
            is_new = table not in there
            known = not is_new and catalog.column_named(pair.before, one.relation.oid, one.column.name)
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
    """Columns that were encrypted or hashed and are no longer, or are anew. Needs also what tells of it."""
    if _alike(pair) and unchanged(pair, *STORED_BY):
        return
    old = _by_name(comparison, pair, pair.before, renamed=True)
    new = _by_name(comparison, pair, pair.after)
    tables = {relation_name(now): was for was, now in relations(comparison, pair) if was and now}
    for name in sorted({*old, *new}):
        was = old.get(name) or _same(pair.before, tables, new.get(name))
        now = new.get(name) or _again(pair, old.get(name))
        if was is None or now is None:
            continue
        before = stored(comparison.before, pair.before, was.relation, was.column)
        after = stored(comparison.after, pair.after, now.relation, now.column)
        if before in _PROTECTED and after not in _PROTECTED:
            shown = "in clear" if after is Stored.CLEAR else "in bytes of which nothing tells what they are"
            yield _stored(pair, name, f"is stored {shown} now", Direction.WIDENED, before)
        elif after in _PROTECTED and before not in _PROTECTED:
            yield _stored(pair, name, f"is stored {after.value} now", Direction.NARROWED, before)


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


def _same(
    database: DatabaseSnapshot, tables: Mapping[str, Relation], one: Sensitive | None
) -> Sensitive | None:
    """The same column before, where it did not count as sensitive: its type may have told nothing."""
    was = tables.get(relation_name(one.relation)) if one is not None else None
    if was is None or one is None:
        return None
    column = catalog.column_named(database, was.oid, one.column.name)
    return one._replace(relation=was, column=column) if column is not None else None


def _again(pair: Pair, one: Sensitive | None) -> Sensitive | None:
    """The same column now, where it counts as sensitive no more."""
    if one is None:
        return None
    relation = catalog.relation_named(pair.after, one.relation.schema, one.relation.name)
    column = catalog.column_named(pair.after, relation.oid, one.column.name) if relation else None
    return one._replace(relation=relation, column=column) if relation and column else None
