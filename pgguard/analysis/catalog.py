"""Where things are in a database's snapshot: by oid, by name, and what hangs on what."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pgguard.model.rows import Column, Function, Relation, Trigger, ViewColumn
    from pgguard.model.snapshot import DatabaseSnapshot

Key = TypeVar("Key")
Row = TypeVar("Row")


def relations(database: DatabaseSnapshot) -> Mapping[int, Relation]:
    """The relations by their oid."""
    known: dict[int, Relation] | None = database._memo.get("relations by oid")
    if known is None:
        known = database._memo["relations by oid"] = {one.oid: one for one in database.relations}
    return known


def relation_named(database: DatabaseSnapshot, schema: str, name: str) -> Relation | None:
    """The relation of that schema and name, or None."""
    known: dict[tuple[str, str], Relation] | None = database._memo.get("relations by name")
    if known is None:
        known = {(one.schema, one.name): one for one in database.relations}
        database._memo["relations by name"] = known
    return known.get((schema, name))


def columns(database: DatabaseSnapshot, relation: int) -> Sequence[Column]:
    """The columns of a relation in order."""
    return _grouped(database, "columns by relation", lambda: database.columns, lambda one: one.relation).get(
        relation, ()
    )


def column_named(database: DatabaseSnapshot, relation: int, name: str) -> Column | None:
    """The column of that name, or None."""
    return next((one for one in columns(database, relation) if one.name == name), None)


def children(database: DatabaseSnapshot, relation: int) -> Sequence[Relation]:
    """The partitions and the tables that inherit from a table."""
    return _grouped(database, "children", lambda: database.relations, lambda one: one.parent).get(
        relation, ()
    )


def used_by(database: DatabaseSnapshot, relation: int) -> Sequence[ViewColumn]:
    """What views read of a relation."""
    return _grouped(database, "used by", lambda: database.view_columns, lambda one: one.relation).get(
        relation, ()
    )


def uses(database: DatabaseSnapshot, view: int) -> Sequence[ViewColumn]:
    """What a view reads."""
    return _grouped(database, "uses", lambda: database.view_columns, lambda one: one.view).get(view, ())


def triggers_calling(database: DatabaseSnapshot, function: int) -> Sequence[Trigger]:
    """The enabled triggers that fire a function."""
    found = _grouped(
        database, "triggers by function", lambda: database.triggers, lambda one: one.function
    ).get(function, ())
    return [one for one in found if one.enabled != "D"]


def functions(database: DatabaseSnapshot) -> Mapping[int, Function]:
    """The functions by their oid."""
    known: dict[int, Function] | None = database._memo.get("functions by oid")
    if known is None:
        known = database._memo["functions by oid"] = {one.oid: one for one in database.functions}
    return known


def _grouped(
    database: DatabaseSnapshot, name: str, rows: Callable[[], Iterable[Row]], key: Callable[[Row], Key]
) -> Mapping[Key, Sequence[Row]]:
    known: dict[Key, list[Row]] | None = database._memo.get(name)
    if known is None:
        known = {}
        for row in rows():
            known.setdefault(key(row), []).append(row)
        database._memo[name] = known
    return known
