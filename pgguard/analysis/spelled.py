"""The SQL that EXECUTE is given, as far as it can be told from the expression that gives it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pgguard.analysis.sqltree import HIDDEN, called, literal, operands

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


def _is_sql(text: str) -> bool:
    # a string inside of SQL is quoted
    return f"'{HIDDEN}" in text


def _part(node: Any) -> Spelled:
    if not isinstance(node, dict) or len(node) != 1:
        return Spelled(_NAME, complete=False)
    ((kind, fields),) = node.items()
    if kind == "A_Const":
        return Spelled(literal(fields) or "", complete=True)
    if kind in ("TypeCast", "CollateClause"):
        return _part(fields.get("arg"))
    if kind == "FuncCall":
        call = called(fields)
        if call.name in ("quote_literal", "quote_nullable"):
            return Spelled(_VALUE, complete=True)
        if call.name == "format" and call.arguments:
            template = _part(call.arguments[0])
            places = {one[2] for one in PLACE.finditer(template.text)}
            return Spelled(PLACE.sub(_placed, template.text), template.complete and places <= {"L", None})
    return Spelled(_NAME, complete=False)


def _placed(found: re.Match[str]) -> str:
    return {"L": _VALUE, None: "%"}.get(found[2], _NAME)
