"""Calls of functions: EXECUTE, the sequences that they move, and what their bodies do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis import catalog
from pgguard.analysis.expression import Unparsable, statements
from pgguard.analysis.names import function_name
from pgguard.analysis.search_path import SYSTEM, parse
from pgguard.analysis.sqltree import HIDDEN, function_calls, literal
from pgguard.analysis.usage import implied
from pgguard.model.usage import SEQUENCES

if TYPE_CHECKING:
    from pgguard.analysis.sqltree import Called
    from pgguard.analysis.usage.reader import Reader
    from pgguard.analysis.usage.scope import Frames
    from pgguard.model.rows import Column, Relation

_SEQUENCES = {"nextval": "NEXTVAL", "currval": "CURRVAL", "setval": "UPDATE"}
# functions that run SQL which they get as text (manual, 9.15.3, 12.4.4; contrib dblink, tablefunc)
_RUN_SQL = frozenset(
    {"query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "ts_stat", "crosstab", "crosstabn"}
    | {"crosstab2", "crosstab3", "crosstab4", "crosstab_hash"}
)
# functions that read a table, schema or database that they get by name
_READ_ALL = frozenset(
    {f"{what}_to_xml{how}" for what in ("table", "schema", "database", "cursor") for how in ("", "schema")}
    | {f"{what}_to_xml_and_xmlschema" for what in ("table", "schema", "database")}
    | {"connectby"}
)


def call(reader: Reader, one: Called, frames: Frames) -> None:
    """What calling a function takes, its arguments aside."""
    place, who = reader.place, reader.who
    if one.schema in ("", "pg_catalog") and one.name in _SEQUENCES and one.arguments:
        _sequence(reader, one)
        return
    if one.name in _RUN_SQL:
        _run(reader, one, frames)
    elif one.name in _READ_ALL:
        place.gap(who.checked, "it reads a table that it names in a string")
    for function in place.functions(who, one):
        place.schema(who, function.schema)
        place.need(who.user, "function", function_name(function), "EXECUTE")
        implied.body(reader, function)
    if one.schema and one.schema not in SYSTEM:
        place.schema(who, one.schema)


def _run(reader: Reader, one: Called, frames: Frames) -> None:
    text = _text(one.arguments[0]) if one.arguments else None
    try:
        trees = statements(text) if text is not None else []
    except Unparsable:
        trees = []
    if not trees:
        reader.place.gap(reader.who.checked, "it runs SQL that it builds")
    for tree in trees:
        reader.query(tree, [])


def _sequence(reader: Reader, one: Called) -> None:
    place, who = reader.place, reader.who
    found = _named(reader, one.arguments[0])
    if found is None:
        place.gap(who.user, "its sequence is named by a value", SEQUENCES)
        return
    if found.kind == "S":
        place.on(who._replace(checked=who.user), found, _SEQUENCES[one.name])


def _named(reader: Reader, node: Any) -> Relation | None:
    """The sequence that an argument means: a name in a string, or that of a column."""
    inner = next(iter(function_calls(node)), None) if "FuncCall" in _plain(node) else None
    if inner is not None and inner.name == "pg_get_serial_sequence" and len(inner.arguments) == 2:
        table, column = (_text(argument) for argument in inner.arguments)
        return _of_column(reader, table, column) if table is not None and column is not None else None
    text = _text(node)
    parts = _parts(text) if text is not None and HIDDEN not in text else ()
    if not parts:
        return None
    return reader.place.relation_named(reader.who, parts[-2] if len(parts) > 1 else "", parts[-1])


def _of_column(reader: Reader, table: str, column: str) -> Relation | None:
    """The sequence of a serial or identity column."""
    parts = _parts(table)
    if not parts:
        return None
    relation = reader.place.relation_named(reader.who, parts[-2] if len(parts) > 1 else "", parts[-1])
    if relation is None:
        return None
    database = reader.place.database
    known = catalog.column_named(database, relation.oid, column)
    return own_sequence(reader, relation, known) if known is not None else None


def own_sequence(reader: Reader, relation: Relation, column: Column) -> Relation | None:
    """The sequence that a column takes its values from, by its default or by the name it was made with."""
    database = reader.place.database
    for tree in implied.defaults(database, relation.oid, column.number):
        for one in function_calls(tree):
            if one.name == "nextval" and one.arguments:
                return _named(reader, one.arguments[0])
    return catalog.relation_named(database, relation.schema, f"{relation.name}_{column.name}_seq")


def _plain(node: Any) -> Any:
    while isinstance(node, dict) and "TypeCast" in node:
        node = node["TypeCast"].get("arg", {})
    return node


def _text(node: Any) -> str | None:
    """The string that an argument is."""
    plain = _plain(node)
    if isinstance(plain, dict) and "A_Const" in plain and "sval" in plain["A_Const"]:
        return literal(plain["A_Const"])
    return None


def _parts(text: str) -> tuple[str, ...]:
    """The parts of a name as regclass takes it."""
    names: list[str] = []
    rest, inside = "", False
    for letter in text:
        inside ^= letter == '"'
        if letter == "." and not inside:
            names.append(rest)
            rest = ""
        else:
            rest += letter
    return tuple(name for one in (*names, rest) for name in parse(one))
