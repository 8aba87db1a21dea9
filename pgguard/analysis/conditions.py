"""What a condition comes to, as far as it can be told without running it."""

from __future__ import annotations

import enum
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pgguard.analysis.sqltree import HIDDEN, HIDDEN_NUMBER, called, literal, type_name, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.analysis.sqltree import Called, Tree


class Truth(enum.Enum):
    """What can be said about a condition without running it.

    `DEPENDS` on rows, sessions or functions; `UNKNOWN` when it could not be parsed or hangs on constants
    that are masked.
    """

    ALWAYS = "always true"
    NEVER = "never true"
    DEPENDS = "depends"
    UNKNOWN = "unknown"


def judged(condition: Any, not_null: frozenset[str], functions: Callable[[Called], Truth]) -> Truth:
    """What the tree of a condition comes to; see `expression.truth`."""
    found = _Condition(not_null, functions).of(condition)
    if found in (_TRUE, _FALSE, _NULL):
        return Truth.ALWAYS if found == _TRUE else Truth.NEVER
    return Truth.DEPENDS if found == _DEPENDS else Truth.UNKNOWN


# what a condition comes to; no text of PostgreSQL holds a NUL character
_TRUE, _FALSE, _NULL, _DEPENDS, _MASKED = "true", "false", "\0null", "\0depends", "\0masked"
_NOT = {_TRUE: _FALSE, _FALSE: _TRUE}
_ALWAYS_OF_ITSELF = frozenset({"=", "<=", ">=", "~~", "~=", "@>", "<@", "&&"})
_NEVER_OF_ITSELF = frozenset({"<>", "!=", "<", ">"})


class _Condition:
    def __init__(self, not_null: frozenset[str], functions: Callable[[Called], Truth]) -> None:
        self.not_null = not_null
        self.functions = functions

    def of(self, node: Any) -> str:
        if not isinstance(node, dict) or len(node) != 1:
            return _DEPENDS
        ((kind, fields),) = node.items()
        match kind:
            case "A_Const":
                return _word(literal(fields))
            case "TypeCast":
                is_boolean = type_name(fields.get("typeName", {})) in ("bool", "boolean")
                return self.of(fields["arg"]) if is_boolean else _DEPENDS
            case "BoolExpr":
                return self._boolean(fields)
            case "NullTest":
                return self._null_test(fields)
            case "BooleanTest":
                return _boolean_test(self.of(fields["arg"]), fields["booltesttype"])
            case "A_Expr":
                return self._comparison(fields)
            case "CoalesceExpr":
                return self._coalesce(fields["args"])
            case "CaseExpr":
                return self._case(fields)
            case "SubLink":
                return self._sublink(fields)
            case "FuncCall":
                return {Truth.ALWAYS: _TRUE, Truth.NEVER: _FALSE, Truth.UNKNOWN: _MASKED}.get(
                    self.functions(called(fields)), _DEPENDS
                )
        return _DEPENDS

    def _boolean(self, fields: Tree) -> str:
        found = [self.of(one) for one in fields["args"]]
        if fields["boolop"] == "NOT_EXPR":
            return _NOT.get(found[0], found[0])
        deciding, neutral = (_TRUE, _FALSE) if fields["boolop"] == "OR_EXPR" else (_FALSE, _TRUE)
        if deciding in found or (deciding == _TRUE and self._covers(fields["args"])):
            return deciding
        # what is masked may decide an OR for good, but can make an AND no truer than the rest of it
        order = (_MASKED, _DEPENDS, _NULL) if deciding == _TRUE else (_DEPENDS, _MASKED, _NULL)
        return next((one for one in order if one in found), neutral)

    def _covers(self, args: list[Any]) -> bool:
        """Whether an OR holds a condition and its contrary, neither of which can be null."""
        tested = [_plain(one) for one in args]
        for one in tested:
            if "NullTest" in one and _flipped(one) in tested:
                return True
            if "BoolExpr" in one and one["BoolExpr"]["boolop"] == "NOT_EXPR":
                inner = one["BoolExpr"]["args"][0]
                if inner in tested and self._never_null(inner):
                    return True
        return False

    def _null_test(self, fields: Tree) -> str:
        found = self.of(fields["arg"])
        if found in (_TRUE, _FALSE, _NULL):
            is_null = found == _NULL
        elif self._never_null(fields["arg"]):
            is_null = False
        else:
            return _DEPENDS
        return _TRUE if is_null == (fields["nulltesttype"] == "IS_NULL") else _FALSE

    def _comparison(self, fields: Tree) -> str:
        name = words(fields.get("name"))[-1:]
        operator, kind = name[0] if name else "", fields.get("kind")
        left, right = fields.get("lexpr"), fields.get("rexpr")
        if kind in ("AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT") and _plain(left) == _plain(right):
            return _TRUE if kind == "AEXPR_NOT_DISTINCT" else _FALSE
        if kind in ("AEXPR_IN", "AEXPR_OP_ANY") and isinstance(right, dict):
            items = right.get("List", {}).get("items") or right.get("A_ArrayExpr", {}).get("elements", ())
            same = [self._compared("=", left, one) for one in items]
            found = next((one for one in (_TRUE, _MASKED, _DEPENDS, _NULL, _FALSE) if one in same), _DEPENDS)
            return found if operator == "=" else _NOT.get(found, found)
        if kind in ("AEXPR_OP", "AEXPR_LIKE", "AEXPR_ILIKE"):
            return self._compared(operator, left, right)
        return _DEPENDS

    def _compared(self, operator: str, left: Any, right: Any) -> str:
        one, other = _value(left), _value(right)
        if one == _NULL or other == _NULL:
            return _NULL
        if operator in ("~~", "~~*") and isinstance(other, str) and set(other) == {"%"}:
            return _TRUE if self._never_null(left) else _DEPENDS
        if one is not None and other is not None:
            return _constants(operator, one, other)
        if _plain(left) == _plain(right) and self._never_null(left):
            if operator in _NEVER_OF_ITSELF:
                return _FALSE
            if operator in _ALWAYS_OF_ITSELF:
                return _TRUE
        # true = (condition)
        if operator == "=" and _word_of(one) in _NOT:
            return self._equal_to(_word_of(one), right)
        if operator == "=" and _word_of(other) in _NOT:
            return self._equal_to(_word_of(other), left)
        return _DEPENDS

    def _equal_to(self, word: str, node: Any) -> str:
        found = self.of(node)
        return found if word == _TRUE else _NOT.get(found, found)

    def _coalesce(self, args: list[Any]) -> str:
        found: list[str] = []
        for one in args:
            value = self.of(one)
            if value != _NULL:
                found.append(value)
            if value in _NOT or self._never_null(one):
                break
        return _same(found) if found else _NULL

    def _case(self, fields: Tree) -> str:
        found: list[str] = []
        for when in fields["args"]:
            value = self.of(when["CaseWhen"]["expr"]) if "arg" not in fields else _DEPENDS
            if value in (_FALSE, _NULL):
                continue
            found.append(self.of(when["CaseWhen"]["result"]))
            if value == _TRUE:
                return _same(found)
        return _same([*found, self.of(fields["defresult"]) if "defresult" in fields else _NULL])

    def _sublink(self, fields: Tree) -> str:
        query = fields.get("subselect", {}).get("SelectStmt", {})
        if not query.keys() <= {"targetList", "limitOption", "op"}:
            return _DEPENDS
        if fields["subLinkType"] == "EXISTS_SUBLINK":
            return _TRUE
        targets = query.get("targetList", ())
        is_value = fields["subLinkType"] == "EXPR_SUBLINK" and len(targets) == 1
        return self.of(targets[0]["ResTarget"]["val"]) if is_value else _DEPENDS

    def _never_null(self, node: Any) -> bool:
        if not isinstance(node, dict) or len(node) != 1:
            return False
        ((kind, fields),) = node.items()
        if kind == "ColumnRef":
            return words(fields.get("fields"))[-1] in self.not_null
        if kind == "A_Const":
            return literal(fields) is not None
        if kind in ("TypeCast", "CollateClause"):
            return self._never_null(fields.get("arg"))
        if kind == "CoalesceExpr":
            return any(self._never_null(one) for one in fields["args"])
        return bool(kind == "SQLValueFunction" and fields.get("op") != "SVFOP_CURRENT_SCHEMA")


def _same(found: list[str]) -> str:
    """What several ways come to, of which one is taken."""
    if len(set(found)) == 1:
        return found[0]
    decided = {_FALSE, _NULL, _DEPENDS}
    return _DEPENDS if not decided.isdisjoint(found) else _MASKED


def _boolean_test(value: str, test: str) -> str:
    if value in (_DEPENDS, _MASKED):
        return value
    wanted = {"TRUE": _TRUE, "FALSE": _FALSE, "UNKNOWN": _NULL}[test.rpartition("_")[2]]
    return _TRUE if (value == wanted) != ("NOT" in test) else _FALSE


def _word(text: str | None) -> str:
    if text is None:
        return _NULL
    lower = text.strip().lower()
    if (lower and "true".startswith(lower)) or lower in ("yes", "y", "on", "1"):
        return _TRUE
    if (lower and "false".startswith(lower)) or lower in ("no", "n", "off", "0"):
        return _FALSE
    return _MASKED if text.startswith(HIDDEN) else _DEPENDS


def _word_of(value: Decimal | str | None) -> str:
    return value if value in _NOT and isinstance(value, str) else ""


def _value(node: Any) -> Decimal | str | None:
    """The constant that an expression is, as a number where it is one; None when it is none."""
    if not isinstance(node, dict) or len(node) != 1:
        return None
    ((kind, fields),) = node.items()
    if kind == "A_Const":
        text = literal(fields)
        if text is None:
            return _NULL
        return text if "sval" in fields or "boolval" in fields or "bsval" in fields else _number(text)
    if kind in ("TypeCast", "CollateClause"):
        inner = _value(fields.get("arg"))
        if inner == _NULL:
            return _NULL
        name = type_name(fields.get("typeName", {}))
        if isinstance(inner, str) and name in ("int2", "int4", "int8", "numeric", "float4", "float8"):
            return _number(inner)
        return _word(inner) if isinstance(inner, str) and name == "bool" else inner
    if kind == "A_Expr" and fields.get("kind") == "AEXPR_OP":
        one, other = _value(fields.get("lexpr")), _value(fields.get("rexpr"))
        if isinstance(one, Decimal) and isinstance(other, Decimal):
            operator = words(fields.get("name"))[-1]
            return {"+": one + other, "-": one - other, "*": one * other}.get(operator)
    return None


def _number(text: str) -> Decimal | str | None:
    if text == HIDDEN_NUMBER or text.startswith(HIDDEN):
        return HIDDEN
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _constants(operator: str, one: Decimal | str, other: Decimal | str) -> str:
    if any(isinstance(value, str) and value.startswith(HIDDEN) for value in (one, other)):
        # a masked string is no other than a shown one only by accident
        return _MASKED
    if isinstance(one, str) != isinstance(other, str):
        return _MASKED
    equal = one == other
    if operator in ("=", "<>", "!="):
        return _TRUE if equal == (operator == "=") else _FALSE
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        order = {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}
        if operator in order:
            return _TRUE if order[operator] else _FALSE
    return _MASKED


def _plain(node: Any) -> Any:
    """A node without the places in the text, so that equal ones compare equal."""
    if isinstance(node, dict):
        return {name: _plain(one) for name, one in node.items() if not name.endswith("location")}
    return [_plain(one) for one in node] if isinstance(node, list) else node


def _flipped(test: Tree) -> Tree:
    fields = test["NullTest"]
    other = "IS_NOT_NULL" if fields["nulltesttype"] == "IS_NULL" else "IS_NULL"
    return {"NullTest": {**fields, "nulltesttype": other}}
