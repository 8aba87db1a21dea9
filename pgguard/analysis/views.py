"""Views: what their columns hand out, with whose rights they read, and who they work for.

A view reads with its owner's rights, unless it is a security_invoker view (15 and later): then the
user of the query needs the rights, even where the view stands inside another (manual, CREATE VIEW).
A materialized view was filled with its owner's rights and asks for none when it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.lineage import NOTHING, Lineage, Origins, Output, Table, of_query, parse
from pgguard.analysis.privileges import holder_names, of_column, of_relation
from pgguard.analysis.row_security import limits

if TYPE_CHECKING:
    from pgguard.model.rows import Relation, ViewColumn
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

VIEWS = frozenset("vm")
# what parse_bool of PostgreSQL takes for true
_TRUE = frozenset({"true", "tru", "tr", "t", "yes", "ye", "y", "on", "1"})


def is_invoker(relation: Relation) -> bool:
    """Whether it is a security_invoker view."""
    return relation.kind == "v" and any(
        name == "security_invoker" and value.lower() in _TRUE
        for name, _, value in (option.partition("=") for option in relation.options)
    )


def lineage(database: DatabaseSnapshot, view: Relation) -> Lineage:
    """What a view's columns hand out.

    Where its definition cannot be followed, every column is taken to hand out all that the view
    reads. Raises `Unread` when definitions, columns or the views' dependencies could not be read.
    """
    memo = database._memo.setdefault("lineages", {})
    known: Lineage | None = memo.get(view.oid)
    if known is None:
        known = memo[view.oid] = _followed(database, view)
    return known


def hands_out(database: DatabaseSnapshot, view: Relation, table: Relation) -> frozenset[int]:
    """The numbers of a table's columns whose values a view gives; 0 for any, where that is not known."""
    outputs = lineage(database, view).outputs
    return frozenset(number for one in outputs for oid, number in one.origins if oid == table.oid)


class Shown(NamedTuple):
    """What a view shows of stored tables, views in between looked through; the rest as in `Lineage`."""

    columns: tuple[Origins, ...]
    filtered: bool
    grouped: bool


def shows(database: DatabaseSnapshot, view: Relation) -> Shown:
    """What a view shows of stored tables, one set of their columns for each of its own."""
    memo = database._memo.setdefault("shown", {})
    known: Shown | None = memo.get(view.oid)
    if known is None:
        # a view cannot read itself; the entry ends the search in a snapshot that says so
        memo[view.oid] = Shown((), False, False)
        known = memo[view.oid] = _shows(database, view)
    return known


def usable_by(snapshot: Snapshot, database: DatabaseSnapshot, view: Relation) -> frozenset[str] | None:
    """The roles for which a view works once they may SELECT from it; None means everybody.

    It works for nobody when its owner lacks a right on what it reads.
    """
    memo = database._memo.setdefault("usable views", {})
    if view.oid not in memo:
        # a view cannot read itself; the entry ends the search in a snapshot that says so
        memo[view.oid] = None
        memo[view.oid] = _usable_by(snapshot, database, view)
    known: frozenset[str] | None = memo[view.oid]
    return known


def rows_limited(
    snapshot: Snapshot, database: DatabaseSnapshot, relation: Relation, role: str, command: str = "SELECT"
) -> bool:
    """Whether row security keeps rows of a table, or of what a view shows, from a role.

    Row security follows the rights that a view reads with: its owner's, or its user's. What a
    materialized view stores is not under row security, and who filled it is not known.
    """
    if relation.kind not in VIEWS:
        return limits(snapshot, database, relation, role, command)
    return relation.kind == "v" and any(
        rows_limited(snapshot, database, read, _reader(relation, read, role), command)
        for read in _reads(database, relation)
    )


def both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """The roles in two sets of which None stands for everybody."""
    if one is None:
        return other
    return one if other is None else one & other


def _usable_by(snapshot: Snapshot, database: DatabaseSnapshot, view: Relation) -> frozenset[str] | None:
    if view.kind == "m":
        return None
    found: frozenset[str] | None = None
    for used in catalog.uses(database, view.oid):
        relation = catalog.relations(database).get(used.relation)
        if relation is None:
            continue
        readers = _readers(snapshot, database, relation, used)
        if is_invoker(view):
            found = both(found, readers)
        elif view.owner not in readers:
            return frozenset()
        if relation.kind in VIEWS:
            found = both(found, usable_by(snapshot, database, relation))
    return found


def _shows(database: DatabaseSnapshot, view: Relation) -> Shown:
    own = lineage(database, view)
    filtered, grouped = own.filtered, own.grouped
    columns: list[Origins] = []
    for output in own.outputs:
        stored: Origins = NOTHING
        for oid, number in output.origins:
            read = catalog.relations(database).get(oid)
            if read is None or read.kind not in VIEWS:
                stored |= {(oid, number)}
                continue
            below = shows(database, read)
            filtered, grouped = filtered or below.filtered, grouped or below.grouped
            stored = stored.union(*(below.columns if number == 0 else below.columns[number - 1 : number]))
        columns.append(stored)
    return Shown(tuple(columns), filtered, grouped)


def _reads(database: DatabaseSnapshot, view: Relation) -> list[Relation]:
    oids = dict.fromkeys(used.relation for used in catalog.uses(database, view.oid))
    known = catalog.relations(database)
    return [known[oid] for oid in oids if oid in known and oid != view.oid]


def _reader(view: Relation, read: Relation, role: str) -> str:
    # a view inside a view is asked on behalf of whoever asks: only tables see the owner
    return role if read.kind in VIEWS or is_invoker(view) else view.owner


def _readers(
    snapshot: Snapshot, database: DatabaseSnapshot, relation: Relation, used: ViewColumn
) -> frozenset[str]:
    """Who may SELECT the column that a view uses; of a table as a whole, any column will do."""
    own = holder_names(snapshot, of_relation(database, relation), "SELECT")
    for column in catalog.columns(database, relation.oid):
        if column.acl and used.number in (0, column.number):
            own |= holder_names(snapshot, of_column(database, relation, column), "SELECT")
    return own


def _followed(database: DatabaseSnapshot, view: Relation) -> Lineage:
    columns = catalog.columns(database, view.oid)
    tree = _tree(database, view.oid)
    if tree is not None:
        try:
            found = of_query(
                tree, lambda schema, name: find_table(database, schema, name) if schema else None
            )
        except (ValueError, AttributeError, RecursionError):
            found = None
        if found is not None and len(found.outputs) == len(columns):
            return found
    everything = frozenset((used.relation, used.number) for used in catalog.uses(database, view.oid))
    return Lineage(tuple(Output(one.name, everything, False) for one in columns), True, False, False, 0)


def find_table(database: DatabaseSnapshot, schema: str, name: str) -> Table | None:
    """The relation of that schema and name, or with no schema the only one of that name."""
    relation = catalog.relation_named(database, schema, name)
    if relation is None and not schema:
        fitting = [one for one in database.relations if one.name == name]
        relation = fitting[0] if len(fitting) == 1 else None
    if relation is None:
        return None
    return Table(relation.oid, {one.name: one.number for one in catalog.columns(database, relation.oid)})


def _tree(database: DatabaseSnapshot, view: int) -> object | None:
    texts: dict[int, str] | None = database._memo.get("view texts")
    if texts is None:
        texts = {one.oid: one.text for one in database.definitions if one.kind == "view"}
        database._memo["view texts"] = texts
    return parse(texts.get(view, ""))
