"""What a condition says of variables where it holds, and where it does not.

A variable that is one of some constants, that matches a pattern of plain letters or that names an existing
object can be put into SQL unquoted; one that is found in a column is as trustworthy as who writes there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis.sqltree import called, literal, words
from pgguard.analysis.taint import CLEAN, PLAIN_WORD, Environment, constants_only

if TYPE_CHECKING:
    from pgguard.analysis.sqltree import Tree
    from pgguard.analysis.taint import Expressions

# what is tested by its letters is tested itself
_SAME_LETTERS = frozenset({"lower", "upper", "btrim"})
_EQUAL, _UNEQUAL = frozenset({"="}), frozenset({"<>", "!="})


def narrowed(expressions: Expressions, condition: Any, *, holds: bool) -> Environment:
    """The taints of variables that a condition decides, where it holds or (`holds` False) does not."""
    if not isinstance(condition, dict) or len(condition) != 1:
        return {}
    ((kind, fields),) = condition.items()
    match kind:
        case "BoolExpr":
            return _boolean(expressions, fields, holds=holds)
        case "A_Expr":
            return _comparison(fields, holds=holds)
        case "NullTest":
            return _null_test(fields, holds=holds)
        case "SubLink":
            return _found_in(expressions, fields) if holds else {}
        case "ColumnRef":
            is_found = holds and words(fields.get("fields")) == ("found",)
            return expressions.last_found if is_found else {}
        case "FuncCall" | "TypeCast":
            inner = fields.get("arg")
            return narrowed(expressions, inner, holds=holds) if inner else {}
    return {}


def _boolean(expressions: Expressions, fields: Tree, *, holds: bool) -> Environment:
    if fields["boolop"] == "NOT_EXPR":
        return narrowed(expressions, fields["args"][0], holds=not holds)
    found = [narrowed(expressions, one, holds=holds) for one in fields["args"]]
    if holds == (fields["boolop"] == "AND_EXPR"):
        return {name: taint for one in found for name, taint in one.items()}
    # any of them may be why: only what all of them say is known
    shared = set(found[0]).intersection(*found[1:])
    return {name: frozenset().union(*(one[name] for one in found)) for name in shared}


def _comparison(fields: Tree, *, holds: bool) -> Environment:
    operator, kind = frozenset(words(fields.get("name"))[-1:]), fields.get("kind")
    left, right = fields.get("lexpr"), fields.get("rexpr")
    wanted = _EQUAL if holds else _UNEQUAL
    if kind == "AEXPR_IN" and isinstance(right, dict) and operator <= wanted:
        fixed = constants_only(right.get("List", {}).get("items", ()))
    elif kind in ("AEXPR_OP_ANY", "AEXPR_OP_ALL") and isinstance(right, dict):
        is_list = kind == ("AEXPR_OP_ANY" if holds else "AEXPR_OP_ALL") and operator <= wanted
        items = right.get("A_ArrayExpr", {}).get("elements") or [right]
        fixed = is_list and constants_only(items)
    elif kind == "AEXPR_OP" and operator and operator <= wanted:
        if _variable(left):
            fixed = constants_only([right])
        else:
            left, fixed = right, constants_only([left])
    elif kind == "AEXPR_OP" and operator == {"~" if holds else "!~"}:
        pattern = literal(right.get("A_Const", {})) if isinstance(right, dict) else None
        fixed = bool(pattern and PLAIN_WORD.match(pattern))
    else:
        return {}
    return _clean(left) if fixed else {}


def _null_test(fields: Tree, *, holds: bool) -> Environment:
    is_null = (fields.get("nulltesttype") == "IS_NULL") == holds
    argument = fields.get("arg", {})
    if is_null:
        return _clean(argument)
    # to_regclass(x) IS NOT NULL: x names a table, written as SQL wants it
    call = called(argument["FuncCall"]) if "FuncCall" in argument else None
    if call is not None and call.name.startswith("to_reg") and call.arguments:
        return _clean(call.arguments[0])
    return {}


def _found_in(expressions: Expressions, fields: Tree) -> Environment:
    """EXISTS (SELECT ... WHERE column = x), x IN (SELECT column ...)."""
    query = fields.get("subselect", {})
    if fields.get("subLinkType") == "ANY_SUBLINK":
        outputs = expressions.outputs(query)
        name = _variable(fields.get("testexpr"))
        return {name: outputs[0]} if name and len(outputs) == 1 else {}
    return found_by(expressions, query) if fields.get("subLinkType") == "EXISTS_SUBLINK" else {}


def found_by(expressions: Expressions, query: Any) -> Environment:
    """The taints of the variables that a query compares with columns, when it finds a row."""
    found: Environment = {}
    select = query.get("SelectStmt", {})
    for one in _conjuncts(select.get("whereClause")):
        comparison = one.get("A_Expr", {})
        if words(comparison.get("name"))[-1:] != ("=",):
            continue
        sides = (comparison.get("lexpr"), comparison.get("rexpr"))
        for side, other in (sides, sides[::-1]):
            name = _variable(side)
            if name and name in expressions.environment and _variable(other):
                # what the column gives, asked for as the query would
                column = {"SelectStmt": {**select, "targetList": [{"ResTarget": {"val": other}}]}}
                found[name] = expressions.outputs(column)[0]
                break
    return found


def _conjuncts(node: Any) -> list[Tree]:
    if not isinstance(node, dict):
        return []
    fields = node.get("BoolExpr", {})
    if fields.get("boolop") == "AND_EXPR":
        return [inner for one in fields["args"] for inner in _conjuncts(one)]
    return [node]


def _variable(node: Any) -> str:
    """The name of a variable or argument, also behind a cast or lower() and the like; empty for others."""
    while isinstance(node, dict) and len(node) == 1:
        ((kind, fields),) = node.items()
        if kind == "ColumnRef":
            return ".".join(words(fields.get("fields")))
        if kind == "ParamRef":
            return f"${fields.get('number', 0)}"
        call = called(fields) if kind == "FuncCall" else None
        if kind == "TypeCast":
            node = fields.get("arg")
        elif call is not None and call.name in _SAME_LETTERS and len(call.arguments) == 1:
            node = call.arguments[0]
        else:
            break
    return ""


def _clean(node: Any) -> Environment:
    name = _variable(node)
    return {name: CLEAN} if name else {}
