"""Conditions that say which rows: what may stand in one, and the condition written anew.

Such a condition decides what leaves a database or is spared from erasure, so it must mean the same in every
session and on every day: a table's own columns compared with constants, by PostgreSQL's own operators.
Whatever could call somebody's code or move with the clock, the time zone or another table is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pgguard.analysis.constant_text import CASTS, Constant, constant_misfit, family, text_mistake
from pgguard.analysis.expression import Unparsable, statements, tokens
from pgguard.analysis.sqltree import literal as constant_text
from pgguard.analysis.sqltree import type_name, words
from pgguard.model.quote import ident
from pgguard.model.quote import literal as quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SYSTEM = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid"})
_REASONS = {
    "SubLink": "a subquery reads other rows",
    "FuncCall": "a function may be anybody's code",
    "SQLValueFunction": "it moves with the clock or the session: write the date itself",
    "CoalesceExpr": "COALESCE is no comparison",
    "MinMaxExpr": "GREATEST and LEAST are no comparisons",
    "CaseExpr": "CASE is no comparison",
    "ParamRef": "a parameter has no value here",
    "CollateClause": "COLLATE changes what a comparison means",
    "RowExpr": "rows are not compared, write column by column",
    "A_ArrayExpr": "arrays are not compared, write IN (...)",
    "A_Indirection": "parts of a value are not compared",
}
_OTHER = "only comparisons of columns with constants may stand here"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column compared: with another (`with_column`), with a constant, or alone.

    `operator`: = <> < <= > >= LIKE NULL (whether it is null) TRUE (it is a condition itself).
    """

    column: str
    operator: str
    with_column: str = ""
    constant: Constant | None = None


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition on rows: the columns it names, in order, and its SQL, written anew by us.

    `sql` holds the constants, which may be personal: it goes into SQL files and to the server, nowhere else.
    """

    columns: tuple[str, ...]
    sql: str = field(repr=False)
    comparisons: tuple[Comparison, ...] = field(repr=False)


def read_predicate(text: str) -> Predicate:
    """The condition that a text is.

    Raises `Unparsable` with the reason, without the constants, for anything but comparisons of columns by
    = <> < <= > >=, BETWEEN, IN, LIKE, IS NULL and boolean columns, joined by AND, OR, NOT.
    """
    if "\x00" in text:
        _refuse("it holds a NUL character")
    _only_tokens(text)
    parsed = statements(f"SELECT {text}")
    query: dict[str, Any] = parsed[0].get("SelectStmt", {}) if len(parsed) == 1 else {}
    targets: list[Any] = query.get("targetList", [])
    if query.keys() - {"targetList", "limitOption", "op"} or len(targets) != 1:
        _refuse("it is not one condition")
    target = targets[0]["ResTarget"]
    if target.keys() - {"val", "location"} or query.get("op", "SETOP_NONE") != "SETOP_NONE":
        _refuse("it is not one condition")
    written = _Writer()
    try:
        sql = written.condition(target.get("val"))
    except RecursionError:
        _refuse("it is nested too deeply")
    names = [name for one in written.found for name in (one.column, one.with_column) if name]
    return Predicate(tuple(dict.fromkeys(names)), sql, tuple(written.found))


def predicate_misfits(predicate: Predicate, types: Mapping[str, str]) -> list[str]:
    """Why a condition does not fit a table, given the types of its columns as format_type prints them.

    Compared are only types that PostgreSQL brings: numbers, texts, booleans, dates, times, uuid. Whoever
    owns an enumeration, a domain or another type can give it operators and casts of his own, so these may
    only be asked for NULL. What depends on the session's time zone or DateStyle is refused.
    """
    found = [f"there is no column {ident(name)}" for name in predicate.columns if name not in types]
    for one in predicate.comparisons:
        if one.column in types and (not one.with_column or one.with_column in types):
            said = _misfit(one, types)
            if said:
                found.append(f"{ident(one.column)}: {said}")
    return list(dict.fromkeys(found))


def _misfit(one: Comparison, types: Mapping[str, str]) -> str:
    if one.operator == "NULL":
        return ""
    kind = family(types[one.column])
    if not kind:
        return (
            f"values of type {types[one.column]} are not compared: it is not one of PostgreSQL's plain types"
        )
    if one.operator == "TRUE":
        return "" if kind == "boolean" else f"{types[one.column]} is no condition"
    if one.operator == "LIKE" and kind != "text":
        return f"LIKE is for texts, and it is {types[one.column]}"
    if one.with_column:
        other = family(types[one.with_column])
        if other == kind or {kind, other} == {"date", "timestamp"}:
            return ""
        return f"{types[one.column]} and {types[one.with_column]} are not compared"
    return constant_misfit(types[one.column], one.constant) if one.constant else ""


def _only_tokens(text: str) -> None:
    at = 0
    for token in tokens(text):
        if text.encode()[at : token.start].strip():
            _refuse("comments may not stand in it")
        if token.written == ";":
            _refuse("a semicolon ends it")
        at = token.end
    if text.encode()[at:].strip():
        _refuse("comments may not stand in it")
    if not at:
        _refuse("it is empty")


def _refuse(reason: str) -> Any:
    raise Unparsable(reason)


class _Writer:
    """Writes a tree as SQL and keeps what is compared."""

    def __init__(self) -> None:
        self.found: list[Comparison] = []

    def condition(self, node: Any) -> str:
        ((kind, fields),) = node.items() if isinstance(node, dict) and len(node) == 1 else (("", {}),)
        if kind == "BoolExpr":
            return self._joined(fields)
        if kind == "A_Expr":
            return self._compared(fields)
        if kind == "NullTest":
            column = self._column(fields.get("arg"))
            self.found.append(Comparison(column, "NULL"))
            return ident(column) + (" IS NULL" if fields.get("nulltesttype") == "IS_NULL" else " IS NOT NULL")
        if kind == "BooleanTest":
            column = self._column(fields.get("arg"))
            self.found.append(Comparison(column, "TRUE"))
            return f"{ident(column)} {fields['booltesttype'].replace('_', ' ')}"
        if kind == "ColumnRef":
            column = self._column(node)
            self.found.append(Comparison(column, "TRUE"))
            return ident(column)
        if kind in ("A_Const", "TypeCast"):
            _refuse("a constant alone is true or false for every row")
        refused: str = _refuse(_reason(kind, fields))
        return refused

    def _joined(self, fields: dict[str, Any]) -> str:
        parts = [self.condition(one) for one in fields.get("args", ())]
        if fields.get("boolop") == "NOT_EXPR":
            return f"NOT ({parts[0]})"
        word = " AND " if fields.get("boolop") == "AND_EXPR" else " OR "
        inner = [
            f"({part})" if "BoolExpr" in one and one["BoolExpr"].get("boolop") != "NOT_EXPR" else part
            for part, one in zip(parts, fields.get("args", ()), strict=True)
        ]
        return word.join(inner)

    def _compared(self, fields: dict[str, Any]) -> str:
        operator = words(fields.get("name"))
        kind, left, right = fields.get("kind"), fields.get("lexpr"), fields.get("rexpr")
        if len(operator) != 1:
            _refuse("OPERATOR(...) names somebody's operator")
        (sign,) = operator
        if kind == "AEXPR_OP" and sign in _FLIPPED and left is not None:
            return self._pair(left, sign, right)
        if kind == "AEXPR_IN" and isinstance(right, dict) and "List" in right:
            return self._in(left, sign, right["List"].get("items", ()))
        if kind == "AEXPR_LIKE":
            column, value = self._column(left), self._constant(right, "LIKE takes a text")
            self.found.append(Comparison(column, "LIKE", constant=value))
            return f"{ident(column)} {'LIKE' if sign == '~~' else 'NOT LIKE'} {_written(value)}"
        if kind in ("AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN") and isinstance(right, dict) and "List" in right:
            low, high = right["List"].get("items", ())
            if not any(_is_column(one) for one in (left, low, high)):
                _refuse("constants are compared with each other")
            texts = [self._operand(one) for one in (left, low, high)]
            for sign, end in ((">=", low), ("<=", high)):
                self._note(left, sign, end)
            word = "BETWEEN" if kind == "AEXPR_BETWEEN" else "NOT BETWEEN"
            return f"{texts[0]} {word} {texts[1]} AND {texts[2]}"
        refused: str = _refuse(f"the operator {sign} is not one of = <> < <= > >=")
        return refused

    def _pair(self, left: Any, sign: str, right: Any) -> str:
        if not _is_column(left) and _is_column(right):
            left, sign, right = right, _FLIPPED[sign], left
        if not _is_column(left):
            # what stands there is told first, if it may not stand anywhere
            self._operand(left)
            self._operand(right)
            _refuse("constants are compared with each other")
        texts = self._operand(left), self._operand(right)
        self._note(left, sign, right)
        return f"{texts[0]} {sign} {texts[1]}"

    def _in(self, left: Any, sign: str, items: list[Any]) -> str:
        column = self._column(left)
        values = [self._constant(one, "IN takes constants") for one in items]
        self.found.extend(Comparison(column, "=", constant=one) for one in values)
        listed = ", ".join(map(_written, values))
        return f"{ident(column)} {'IN' if sign == '=' else 'NOT IN'} ({listed})"

    def _note(self, left: Any, sign: str, right: Any) -> None:
        if not _is_column(left):
            if not _is_column(right):
                return
            left, sign, right = right, _FLIPPED[sign], left
        column = self._column(left)
        if _is_column(right):
            self.found.append(Comparison(column, sign, with_column=self._column(right)))
        else:
            self.found.append(Comparison(column, sign, constant=self._constant(right, "")))

    def _operand(self, node: Any) -> str:
        return ident(self._column(node)) if _is_column(node) else _written(self._constant(node, ""))

    @staticmethod
    def _column(node: Any) -> str:
        if not _is_column(node):
            ((kind, fields),) = node.items() if isinstance(node, dict) and len(node) == 1 else (("", {}),)
            _refuse(_reason(kind, fields))
        name = words(node["ColumnRef"].get("fields"))
        if len(name) != 1 or not name[0]:
            _refuse("write the table's own columns by their names alone")
        if name[0] in _SYSTEM:
            _refuse(f"{name[0]} is a system column: it says where a row lies, not whose it is")
        return name[0]

    @staticmethod
    def _constant(node: Any, otherwise: str) -> Constant:
        ((kind, fields),) = node.items() if isinstance(node, dict) and len(node) == 1 else (("", {}),)
        if kind == "A_Const":
            return _plain(fields)
        if kind == "TypeCast" and "A_Const" in fields.get("arg", {}):
            name = type_name(fields["typeName"])
            if name not in CASTS or fields["typeName"].get("typmods"):
                _refuse("its constants are cast to plain types without a length, such as date or integer")
            inner = _plain(fields["arg"]["A_Const"])
            typed = Constant(CASTS[name], inner.text)
            said = text_mistake(typed.kind, typed.text)
            if said:
                _refuse(f"a constant of type {typed.kind} is {said}")
            return typed
        refused: Constant = _refuse(otherwise if kind == "ColumnRef" else _reason(kind, fields))
        return refused


def _plain(fields: dict[str, Any]) -> Constant:
    text = constant_text(fields)
    if text is None:
        _refuse("NULL is not compared, write IS NULL")
    if "bsval" in fields:
        _refuse("bit strings are not compared")
    kind = "boolean" if "boolval" in fields else "string" if "sval" in fields else "number"
    if kind == "number" and text_mistake("numeric", text or ""):
        _refuse("numbers are written in digits")
    return Constant(kind, text or "")


def _written(value: Constant) -> str:
    if value.kind in ("number", "boolean"):
        return value.text
    if value.kind == "string":
        return quoted(value.text)
    return f"{quoted(value.text)}::pg_catalog.{value.kind}"


def _is_column(node: Any) -> bool:
    return isinstance(node, dict) and "ColumnRef" in node


def _reason(kind: str, fields: Any) -> str:
    if kind == "FuncCall":
        name = ".".join(words(fields.get("funcname")))
        return f"{name}() is called, and {_REASONS[kind]}"
    if kind == "A_Expr":
        sign = ".".join(words(fields.get("name")))
        return f"the operator {sign} gives a value of its own: {_OTHER}"
    return _REASONS.get(kind, _OTHER)
