"""The SQL that EXECUTE is given, as far as it can be told from the expression that gives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis.expression import statements
from pgguard.analysis.sqltree import HIDDEN, called, literal, operands

if TYPE_CHECKING:
    from pgguard.analysis.sqltree import Tree

# what format() replaces (PostgreSQL manual, 9.4.1 format)
PLACE = re.compile(r"%(?:%|(?:(\d+)\$)?-?(?:\d+|\*(?:\d+\$)?)?([sIL]))")
_VALUE, _NAME = "$1", "_"


class Spelled(NamedTuple):
    """A text of SQL: values that come in by quoting stand as $1, names and anything else as `_`.

    `complete` when nothing but values is missing; the text is empty when nothing is known of it.
    """

    text: str
    complete: bool


def spelled(node: Any) -> Spelled:
    """The SQL text that an expression gives."""
    parts = [_part(one) for one in operands(node)]
    if any(HIDDEN in one.text and not _is_sql(one.text) for one in parts):
        return Spelled("", complete=False)
    return Spelled("".join(one.text for one in parts), all(one.complete for one in parts))


def filled(node: Any, bound: tuple[Any, ...]) -> list[Tree]:
    """The statements that an expression gives, with what comes in by quoting or USING where it stands then.

    None where nothing is known of the text; raises `Unparsable` for what is no SQL.
    """
    values = list(bound)
    parts = [_part(one, values) for one in operands(node)]
    if any(HIDDEN in one.text and not _is_sql(one.text) for one in parts):
        return []
    return [_with(one, values) for one in statements("".join(one.text for one in parts))]


def _with(tree: Any, values: list[Any]) -> Any:
    if isinstance(tree, list):
        return [_with(one, values) for one in tree]
    if not isinstance(tree, dict):
        return tree
    number = tree["ParamRef"].get("number", 0) if "ParamRef" in tree else 0
    if 0 < number <= len(values):
        return values[number - 1]
    return {name: _with(one, values) for name, one in tree.items()}


def _is_sql(text: str) -> bool:
    # a string inside of SQL is quoted
    return f"'{HIDDEN}" in text


def _part(node: Any, values: list[Any] | None = None) -> Spelled:
    """One operand; what it quotes is added to `values` and stands as a parameter of that number."""
    if not isinstance(node, dict) or len(node) != 1:
        return Spelled(_NAME, complete=False)
    ((kind, fields),) = node.items()
    if kind == "A_Const":
        return Spelled(literal(fields) or "", complete=True)
    if kind in ("TypeCast", "CollateClause"):
        return _part(fields.get("arg"), values)
    if kind == "FuncCall":
        call = called(fields)
        if call.name in ("quote_literal", "quote_nullable"):
            given = call.arguments[0] if call.arguments else {}
            return Spelled(_added(given, values), complete=True)
        if call.name == "format" and call.arguments:
            template = _part(call.arguments[0])
            places = {one[2] for one in PLACE.finditer(template.text)}
            placed = _placed(template.text, call.arguments, values)
            return Spelled(placed, template.complete and places <= {"L", None})
    return Spelled(_NAME, complete=False)


def _placed(template: str, given: tuple[Any, ...], values: list[Any] | None) -> str:
    last = 0

    def place(found: re.Match[str]) -> str:
        nonlocal last
        if found[2] is None:
            return "%"
        last = int(found[1]) if found[1] else last + 1
        if found[2] != "L":
            return _NAME
        return _added(given[last] if last < len(given) else {}, values)

    return PLACE.sub(place, template)


def _added(value: Any, values: list[Any] | None) -> str:
    if values is None:
        return _VALUE
    values.append(value)
    return f"${len(values)}"
