"""Columns that pgguard encrypted, and what became of the clear ones, as far as the catalog tells.

The stored column has the mark `pgguard: encrypted`; the column of the old name is the clear one until the
phase contract drops it, and from then on an inlet that stays empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.bodies import parsed
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.sqltree import walk
from pgguard.errors import Unread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.rows import Column, Constraint, Relation
    from pgguard.model.snapshot import DatabaseSnapshot

_ENCRYPTED = "encrypted"
_SUFFIX = "_pgg1"
# a digest and a hyphen stand for the end of a name that would be too long with the suffix
_DIGEST = 7
_LONGEST = 63 - len(_SUFFIX)


class Encrypted(NamedTuple):
    """A stored column of a table or of one of its partitions, with the column of the old name.

    `empty` is the constraint by which that column is NULL in every row from now on; `sealed` tells that a
    validated constraint requires a stored value for every clear one: nothing is left to be encrypted.
    """

    relation: Relation
    stored: Column
    clear: Column | None
    empty: Constraint | None
    sealed: bool


def encrypted(database: DatabaseSnapshot) -> tuple[Encrypted, ...]:
    """The columns of a database that pgguard encrypted, in the order of the tables.

    Raises `Unread` when marks, columns, constraints or definitions could not be read.
    """
    known: tuple[Encrypted, ...] | None = database._memo.get("encrypted columns")
    if known is None:
        known = database._memo["encrypted columns"] = tuple(_find(database))
    return known


def _find(database: DatabaseSnapshot) -> Iterator[Encrypted]:
    marked = {(one.relation, one.number) for one in database.column_settings if one.mark == _ENCRYPTED}
    relations = catalog.relations(database)
    for oid, number in sorted(marked):
        column = next((one for one in catalog.columns(database, oid) if one.number == number), None)
        if oid not in relations or column is None:
            continue
        for relation in _with_parts(database, relations[oid]):
            stored = catalog.column_named(database, relation.oid, column.name)
            if stored is not None:
                yield _one(database, relation, stored)


def _with_parts(database: DatabaseSnapshot, relation: Relation) -> Iterator[Relation]:
    yield relation
    for child in catalog.children(database, relation.oid):
        yield from _with_parts(database, child)


def _one(database: DatabaseSnapshot, relation: Relation, stored: Column) -> Encrypted:
    clear = next((one for one in catalog.columns(database, relation.oid) if _is_of(one, stored)), None)
    empty, sealed = None, False
    for constraint in database.constraints:
        if clear is None or constraint.relation != relation.oid or constraint.kind != "c":
            continue
        if constraint.columns == (clear.number,) and _is_null(database, constraint):
            empty = constraint
        elif {clear.number, stored.number} <= set(constraint.columns) and constraint.validated:
            sealed = True
    return Encrypted(relation, stored, clear, empty, sealed)


def _is_of(column: Column, stored: Column) -> bool:
    base = stored.name.removesuffix(_SUFFIX)
    if base == stored.name:
        return False
    if len(column.name.encode()) > _LONGEST:
        return column.name.startswith(base[:-_DIGEST])
    return column.name == base


def _is_null(database: DatabaseSnapshot, constraint: Constraint) -> bool:
    for one in database.definitions:
        if one.kind != "check" or one.oid != constraint.oid:
            continue
        try:
            trees = list(parsed(database, one))
        except Unparsable as reason:
            section = "definitions"
            raise Unread(section, f"constraint {constraint.name}: {reason}", database.name) from None
        found = [
            fields.get("raw_expr", {})
            for tree in trees
            for kind, fields in walk(tree)
            if kind == "Constraint"
        ]
        return any(test.get("NullTest", {}).get("nulltesttype") == "IS_NULL" for test in found)
    return False
