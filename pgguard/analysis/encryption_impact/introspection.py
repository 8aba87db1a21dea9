"""Statements that ask the catalog about tables: what they are told when the table is a view, or has inlets.

In pg_stat_statements the table that is asked about is a parameter, so that a question about any table counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.encryption_impact.facts import Form
from pgguard.analysis.sqltree import function_calls, literal, walk, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.encryption_impact.facts import Target
    from pgguard.analysis.encryption_impact.reading import Reading
    from pgguard.analysis.sqltree import Tree

_CONSTRAINTS = frozenset({
    "table_constraints", "key_column_usage", "constraint_column_usage", "referential_constraints",
    "constraint_table_usage",
})  # fmt: skip
_OF_TABLES = frozenset({"pg_constraint", "pg_indexes"})
_OTHERWISE_OF_VIEWS = frozenset({"is_nullable", "column_default", "is_identity", ""})
_COUNTS = frozenset({"reltuples", "relpages"})
_SIZES = frozenset({"pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size"})


def ask(reading: Reading, tree: Tree) -> None:
    """What a statement asks the catalog."""
    asked = [(one.get("schemaname", ""), one.get("relname", "")) for one in _relations(tree)]
    kinds = _kinds(asked, {words(one.get("fields"))[-1] for kind, one in walk(tree) if kind == "ColumnRef"})
    for call in function_calls(tree):
        if call.name == "pg_get_serial_sequence":
            kinds[Form.VIEW].append("serial-sequence")
        elif call.name in _SIZES:
            kinds[Form.VIEW].append("relation-size")
    if not any(kinds.values()):
        return
    has_parameters = any(kind == "ParamRef" for kind, _ in walk(tree))
    constants = [
        literal(fields) or "" for kind, fields in walk(tree) if kind == "A_Const" and "sval" in fields
    ]
    for target in reading.targets:
        if has_parameters or _is_meant(target, constants):
            for kind in kinds[target.form]:
                reading.meet(kind, target)


def _kinds(asked: list[tuple[str, str]], columns: set[str]) -> dict[Form, list[str]]:
    found: dict[Form, list[str]] = {Form.VIEW: [], Form.IN_PLACE: []}
    for schema, name in asked:
        is_catalog, is_standard = schema in ("", "pg_catalog"), schema == "information_schema"
        if is_catalog and name == "pg_index" and "indisprimary" in columns:
            found[Form.VIEW].append("primary-key-introspection")
        elif (is_catalog and name in _OF_TABLES) or (is_standard and name in _CONSTRAINTS):
            found[Form.VIEW].append("primary-key-introspection")
            found[Form.IN_PLACE].append("table-introspection")
        elif is_standard and name == "columns":
            found[Form.IN_PLACE].append("table-introspection")
            if columns & _OTHERWISE_OF_VIEWS:
                found[Form.VIEW].append("table-introspection")
        elif (is_catalog and name == "pg_tables") or (is_standard and name == "tables"):
            found[Form.VIEW].append("table-introspection")
        elif is_catalog and name == "pg_class":
            found[Form.VIEW] += ["table-introspection"] if "relkind" in columns else []
            found[Form.VIEW] += ["relation-size"] if columns & _COUNTS else []
    return found


def _relations(tree: Tree) -> Iterator[Tree]:
    return (fields for kind, fields in walk(tree) if kind == "RangeVar")


def _is_meant(target: Target, constants: list[str]) -> bool:
    """Whether a question may be about a table: it is named, or none is."""
    names = [one.replace('"', "").split(".")[-1] for one in constants]
    # kinds of tables and constraints ('r', 'BASE TABLE') and a schema alone name none
    telling = [one for one in names if len(one) > 1 and one not in _NO_NAMES and one != target.schema]
    return target.table in names or not telling


_NO_NAMES = frozenset({
    "BASE TABLE", "VIEW", "PRIMARY KEY", "FOREIGN KEY", "UNIQUE", "CHECK", "public", "pg_catalog",
    "information_schema", "pg_toast", "YES", "NO",
})  # fmt: skip
