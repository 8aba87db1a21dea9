"""Which blind indexes are to get another key, what the second ones are called, and what stands against it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pgguard.model.encryption import EncryptedColumn, EncryptedTable, MovedTable
from pgguard.model.quote import ident, qualified
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption.naming import beside
from pgguard.plan.encryption.refused import names_of_constraints
from pgguard.plan.encryption.second_index import second_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.model.encryption import BlindIndex, Form, TableShape


def outdated(indexes: Sequence[BlindIndex], tables: Sequence[str] = ()) -> tuple[BlindIndex, ...]:
    """Those that are made with another key than the newest of their group; with `tables` only of these."""
    return tuple(
        one
        for one in indexes
        if one.made_with != one.newest and (not tables or qualified(one.schema, one.table) in tables)
    )


def moved_tables(
    database: str, indexes: Sequence[BlindIndex], shapes: Mapping[str, TableShape]
) -> tuple[MovedTable, ...]:
    """The tables of these indexes; `shapes` are those of the tables that store, by their names."""
    found: dict[tuple[str, str], list[BlindIndex]] = {}
    for one in indexes:
        found.setdefault((one.schema, one.table), []).append(one)
    tables = []
    for (schema, name), some in found.items():
        shape = shapes[qualified(schema, some[0].storage)]
        columns = tuple(EncryptedColumn(one.column, one.key_group, searchable=True) for one in some)
        shape = replace(shape, name=name)
        form: Form = "in-place" if some[0].storage == name else "view"
        table = EncryptedTable(
            database, shape, columns, form, subject=some[0].subject, subject_kind=some[0].subject_kind
        )
        tables.append(MovedTable(table, tuple(some)))
    return tuple(tables)


def second_index_name(index: str) -> str:
    """The name of the index that is beside another one while its key is replaced."""
    return beside(index, "find2")


def of_index(table: EncryptedTable, column: str) -> str:
    """The name of the constraint that no value is without its second index."""
    return beside(f"{table.shape.name}_{column}", "indexed")


def known_names(moved: MovedTable) -> tuple[list[str], list[str], list[str]]:
    """The index columns of a table, with what goes by them: indexes and constraints."""
    columns = [one.index for one in moved.indexes]
    indexes = [one.name for one in moved.table.shape.indexes if set(columns) & set(one.columns)]
    return (
        [*columns, *(second_column(one.column) for one in moved.indexes)],
        [*indexes, *(second_index_name(one) for one in indexes)],
        [of_index(moved.table, one.column) for one in moved.indexes],
    )


def refusals(moved: MovedTable) -> Iterator[str]:
    """Why the blind indexes of a table cannot get another key; each names what and why."""
    table = moved.table
    inlets = {names_of_constraints(table, one.name)[2] for one in table.columns}
    for one in moved.indexes:
        name = f"{made.table_name(table)}.{ident(one.column)}"
        for why in (*_of_column(moved, one), *_of_dependents(moved, one.index)):
            yield f"{name}: {why}"
    if missing := inlets - {one.name for one in table.shape.checks}:
        yield (
            f"{made.table_name(table)}: the clear values are still beside the encrypted ones: go on to the "
            f"contract of its encryption first (no constraint {ident(min(missing))})"
        )


def _of_column(moved: MovedTable, one: BlindIndex) -> Iterator[str]:
    if one.second:
        yield "its index is being moved to another key already: finish that plan, or take it back"
    if one.made_with is None or one.newest is None:
        yield f"there is no index key of the group {one.key_group}: pgguard keys status"
    for needed in (one.column, one.index, made.stored_column(one.column)):
        if moved.table.shape.column(needed) is None:
            yield f"there is no column {ident(needed)} in {made.storage_name(moved.table)}"
    if one.index != made.index_column(one.column):
        yield f"its index column {ident(one.index)} is not called as pgguard calls it"
    if not one.second and moved.table.shape.column(second_column(one.column)) is not None:
        yield f"there is already a column {ident(second_column(one.column))}"


def _of_dependents(moved: MovedTable, column: str) -> Iterator[str]:
    shape, on = moved.table.shape, made.storage_name(moved.table)
    for index in shape.indexes:
        if column not in {*index.columns, *index.uses}:
            continue
        listed = ", ".join(map(ident, index.columns))
        only = "ONLY " if shape.kind == "p" else ""
        kind = "UNIQUE INDEX" if index.unique else "INDEX"
        plain = f"CREATE {kind} {ident(index.name)} ON {only}{on} USING btree ({listed})"
        if index.constraint or index.replica_identity or index.definition != plain:
            yield (
                f"the index {ident(index.name)} over its index column is not one that pgguard makes: drop it "
                "first, and make it again afterwards"
            )
    for view in shape.views:
        if column in (view.columns or ()):
            yield f"the view {view.name} reads its index column"
    for trigger in shape.triggers:
        if column in trigger.columns:
            yield f"the trigger {ident(trigger.name)} is for changes of its index column"
    for published in shape.published:
        if column in published.columns:
            yield f"the publication {ident(published.name)} lists its index column"
    for key in shape.foreign_keys:
        if column in (key.columns or ()):
            yield f"the foreign key {ident(key.name)} goes over its index column"
    for statistics in shape.statistics:
        if column in statistics.columns:
            yield f"the statistics {statistics.name} are over its index column"
