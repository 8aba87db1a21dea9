"""What a function's body names without a schema, so that a search_path decides what is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.function_bodies import statements_of, unknown
from pgguard.analysis.sqltree import walk, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot


class Loose(NamedTuple):
    """The names without a schema; `operators` tells whether there are operators without one.

    Types of variables are left out: the parser is not always given them as they are written.
    """

    relations: frozenset[str]
    functions: frozenset[str]
    types: frozenset[str]
    operators: bool

    def __bool__(self) -> bool:
        return bool(self.relations or self.functions or self.types or self.operators)

    def meant_by(self, database: DatabaseSnapshot, schemas: Iterable[str]) -> str:
        """A name that an object in one of the schemas has, or empty: one made before them would be taken."""
        for schema in schemas:
            for name in sorted(self.relations):
                if catalog.relation_named(database, schema, name) is not None:
                    return name
            for name in sorted(self.functions):
                if (schema, name) in _functions(database):
                    return name
        return ""

    def temporary(self, database: DatabaseSnapshot, schemas: Iterable[str] | None) -> str:
        """A table or type that temporary ones come before, or empty; `schemas` are those that come after.

        Functions and operators are never looked up among temporary objects.
        """
        listed = None if schemas is None else list(schemas)
        for name in sorted(self.relations):
            if name.startswith("pg_"):
                return f"table {name}"
            if listed is None:
                if name in _relations(database):
                    return f"table {name}"
            elif any(catalog.relation_named(database, schema, name) is not None for schema in listed):
                return f"table {name}"
        return f"type {min(self.types)}" if self.types else ""


def loose(database: DatabaseSnapshot, function: Function) -> Loose | None:
    """What a body names without a schema; None when it cannot be read.

    Raises `Unread` when definitions, relations or functions could not be read.
    """
    if unknown(database, function):
        return None
    relations: set[str] = set()
    functions: set[str] = set()
    types: set[str] = set()
    operators = False
    try:
        for tree in statements_of(database, function):
            nodes = list(walk(tree))
            named_here = set()
            inner = {fields.get("ctename") for kind, fields in nodes if kind == "CommonTableExpr"}
            for kind, fields in nodes:
                # the target of INSERT and its like has no kind of its own
                target = (
                    fields
                    if kind == "RangeVar"
                    else fields.get("relation")
                    if isinstance(fields, dict)
                    else None
                )
                if isinstance(target, dict) and "relname" in target and not target.get("schemaname"):
                    named_here.add(target["relname"])
                if kind == "FuncCall" and len(words(fields.get("funcname"))) == 1:
                    functions.add(words(fields.get("funcname"))[0])
                elif kind in ("TypeName", "TypeCast"):
                    named = fields if kind == "TypeName" else fields.get("typeName", {})
                    if len(words(named.get("names"))) == 1:
                        types.add(words(named.get("names"))[0])
                elif kind == "A_Expr" and len(words(fields.get("name"))) == 1:
                    operators = True
            relations |= named_here - inner
    except RecursionError:
        return None
    return Loose(frozenset(relations), frozenset(functions), frozenset(types), operators)


def _functions(database: DatabaseSnapshot) -> frozenset[tuple[str, str]]:
    known: frozenset[tuple[str, str]] | None = database._memo.get("functions by schema and name")
    if known is None:
        known = frozenset((one.schema, one.name) for one in database.functions)
        database._memo["functions by schema and name"] = known
    return known


def _relations(database: DatabaseSnapshot) -> frozenset[str]:
    known: frozenset[str] | None = database._memo.get("bare names of relations")
    if known is None:
        known = database._memo["bare names of relations"] = frozenset(one.name for one in database.relations)
    return known
