"""Trees of SQL: what can be asked of a parsed statement without knowing a database.

A tree is what libpg_query gives as JSON: a node is a mapping of its kind to its fields, and a field that
always has the same kind of node is that node's fields alone (an INSERT's `relation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Tree = dict[str, Any]
# functions whose value is as constant as their arguments
_PURE = frozenset({
    "ascii", "btrim", "chr", "concat", "concat_ws", "convert", "convert_from", "convert_to", "decode",
    "digest", "encode", "format", "hmac", "initcap", "left", "lower", "lpad", "ltrim", "md5", "overlay",
    "quote_ident", "quote_literal", "repeat", "replace", "reverse", "right", "rpad", "rtrim", "sha224",
    "sha256", "sha384", "sha512", "substr", "substring", "to_hex", "translate", "upper",
})  # fmt: skip
# what masking leaves of a string (sql/snapshot/definitions.sql)
HIDDEN = "***"
HIDDEN_NUMBER = "999999999"


class Origin(NamedTuple):
    """Where a constant stands that is not written where it is used.

    kind: variable, argument (its default) or function (its result); `function` is the oid of the function
    that it is in.
    """

    kind: str
    name: str
    function: int


class Constant(NamedTuple):
    """A value that stands in the text, masked as a rule; `origin` None: it stands where it is used."""

    text: str
    origin: Origin | None = None


class Called(NamedTuple):
    """A function call: name without its schema, schema as written or empty, arguments' nodes by position;
    those in named notation by name."""

    schema: str
    name: str
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]


def walk(tree: object) -> Iterator[tuple[str, Any]]:
    """Every node of a tree with its kind, outer ones first, in the order of the text."""
    todo: list[Any] = [tree]
    while todo:
        here = todo.pop()
        if isinstance(here, list):
            todo.extend(reversed(here))
        elif isinstance(here, dict):
            for kind, fields in here.items():
                if kind[:1].isupper():
                    yield kind, fields
            todo.extend(reversed(list(here.values())))


def words(names: object) -> tuple[str, ...]:
    """A dotted name as its parts; a star as an empty one."""
    found = []
    for part in names if isinstance(names, list) else ():
        if "String" in part:
            found.append(part["String"].get("sval", ""))
        elif "A_Star" in part:
            found.append("")
    return tuple(found)


def called(fields: Tree) -> Called:
    """A FuncCall's name and arguments."""
    name = words(fields.get("funcname"))
    plain: list[Any] = []
    named: dict[str, Any] = {}
    for argument in fields.get("args", ()):
        if "NamedArgExpr" in argument:
            inner = argument["NamedArgExpr"]
            named[inner.get("name", "")] = inner.get("arg", {})
        else:
            plain.append(argument)
    return Called(name[-2] if len(name) > 1 else "", name[-1] if name else "", tuple(plain), named)


def function_calls(tree: object) -> Iterator[Called]:
    """Every call of a function in a tree, that of CALL too."""
    for kind, fields in walk(tree):
        if kind == "FuncCall":
            yield called(fields)
        elif kind == "CallStmt" and "funccall" in fields:
            yield called(fields["funccall"])


def operands(node: object) -> list[Any]:
    """The operands of a chain of ||, in order; the node itself when it is none."""
    found: list[Any] = []
    todo = [node]
    while todo:
        here = todo.pop()
        fields = here.get("A_Expr", {}) if isinstance(here, dict) else {}
        if words(fields.get("name"))[-1:] == ("||",) and "lexpr" in fields:
            todo.extend((fields.get("rexpr"), fields["lexpr"]))
        else:
            found.append(here)
    return found


def type_name(fields: Tree) -> str:
    """The name of a type as written, without modifiers; arrays end in []."""
    parts = words(fields.get("names"))
    name = ".".join(parts[1:] if parts[:1] == ("pg_catalog",) else parts)
    return name + ("[]" if fields.get("arrayBounds") else "")


def literal(fields: Tree) -> str | None:
    """The text of an A_Const; None for NULL."""
    if fields.get("isnull"):
        return None
    for kind in ("sval", "fval", "bsval"):
        if kind in fields:
            return str(fields[kind].get(kind, ""))
    if "ival" in fields:
        return str(fields["ival"].get("ival", 0))
    if "boolval" in fields:
        return "true" if fields["boolval"].get("boolval") else "false"
    return None


def constant(
    node: object,
    names: Callable[[tuple[str, ...]], Constant | None] = lambda name: None,
    functions: Callable[[Called], Constant | None] = lambda call: None,
) -> Constant | None:
    """The constant that an expression comes to, or may come to (one branch of a CASE or coalesce is enough).

    `names` tells what a column or variable holds, `functions` what a call of a function of the database
    gives. None: it depends on something.
    """

    def of(inner: object) -> Constant | None:
        return constant(inner, names, functions)

    if not isinstance(node, dict) or len(node) != 1:
        return None
    ((kind, fields),) = node.items()
    if kind == "A_Const":
        text = literal(fields)
        return None if text is None else Constant(text)
    if kind in ("TypeCast", "CollateClause", "NamedArgExpr"):
        return of(fields.get("arg"))
    if kind == "ColumnRef":
        return names(words(fields.get("fields")))
    if kind == "ParamRef":
        return names((f"${fields.get('number', 0)}",))
    if kind == "A_Expr":
        return of(fields.get("lexpr")) if fields.get("kind") == "AEXPR_NULLIF" else _joined(node, fields, of)
    if kind == "FuncCall":
        call = called(fields)
        found = [of(one) for one in (*call.arguments, *call.named.values())]
        known = [one for one in found if one is not None]
        if call.name in _PURE and found and len(known) == len(found):
            return Constant(HIDDEN, next((one.origin for one in known if one.origin), None))
        return functions(call)
    if kind in ("CoalesceExpr", "MinMaxExpr"):
        return next((one for one in map(of, fields.get("args", ())) if one is not None), None)
    if kind == "CaseExpr":
        results = [one["CaseWhen"].get("result") for one in fields.get("args", ()) if "CaseWhen" in one]
        return next((one for one in map(of, [*results, fields.get("defresult")]) if one is not None), None)
    if kind == "SubLink" and fields.get("subLinkType") == "EXPR_SUBLINK":
        targets = fields.get("subselect", {}).get("SelectStmt", {}).get("targetList", ())
        return of(targets[0]["ResTarget"].get("val")) if len(targets) == 1 else None
    return None


def _joined(node: object, fields: Tree, of: Callable[[object], Constant | None]) -> Constant | None:
    parts = operands(node)
    if len(parts) == 1:
        parts = [fields.get("lexpr"), fields.get("rexpr")]
    found = [of(one) for one in parts]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return None
    is_text = len(parts) > 2 or words(fields.get("name"))[-1:] == ("||",)
    text = "".join(one.text for one in known) if is_text else HIDDEN
    return Constant(text, next((one.origin for one in known if one.origin), None))


def aliases(tree: object) -> dict[str, Constant]:
    """The output columns of the inner queries of a tree that are the same kind of constant wherever named.

    `WITH k AS (SELECT 'x' AS key) SELECT f(k.key) FROM k`: key.
    """
    found: dict[str, Constant | None] = {}
    for kind, fields in walk(tree):
        if kind == "ResTarget" and fields.get("name"):
            name = fields["name"]
            value = constant(fields.get("val"))
            found[name] = value if name not in found or found[name] is not None else None
    return {name: value for name, value in found.items() if value is not None}
