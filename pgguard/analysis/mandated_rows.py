"""Whether a stored condition is that of a mandate, by meaning: of a view's query or of a row policy.

The server prints a condition otherwise than it was written: with casts, BETWEEN as two comparisons, IN as
= ANY (manual, pg_get_expr). Both are brought to one form. In a snapshot constants are hidden (`'***'`):
whether these are the mandate's is known where the server's were compared (`Snapshot.conditions`).
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
from typing import TYPE_CHECKING, Any

from pgguard.analysis.expression import Unparsable, expression, statements
from pgguard.analysis.membership import heirs
from pgguard.analysis.predicate import read_predicate
from pgguard.analysis.row_security import bypasses
from pgguard.analysis.sqltree import HIDDEN, HIDDEN_NUMBER, literal, words
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.analysis.mandated import Taken
    from pgguard.analysis.sqltree import Tree
    from pgguard.model.rows import Relation, RowPolicy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# what the server adds by itself where types differ, and what takes nothing from a value
_WIDENS = frozenset({
    "text", "varchar", "bpchar", "numeric", "float8", "int4", "int8", "timestamp", "timestamptz", "date",
    "text[]", "varchar[]", "bpchar[]", "numeric[]", "int4[]", "int8[]", "date[]",
})  # fmt: skip

# a condition in one form: its kind and its parts
Form = tuple[Any, ...]


def wanted(condition: str) -> Form:
    """The form of a mandate's condition.

    Raises `Unparsable` with the reason for what may not be one.
    """
    return _form(expression(read_predicate(condition).sql))


def is_same(stored: str, form: Form, *, masked: bool = True) -> bool | None:
    """Whether a stored condition says what the mandate says; None where its text does not tell.

    `masked`: constants in it may be hidden. One with parts that no mandate has is another condition.
    """
    if stored.strip() == HIDDEN:
        return None
    try:
        return _answer(_form(expression(stored)), form, masked=masked)
    except Unparsable:
        return False


def view_is_same(text: str, table: Relation, form: Form, *, masked: bool = True) -> bool | None:
    """Whether a view, as pg_get_viewdef prints it, gives rows of that one table under that condition."""
    try:
        parsed = statements(text)
    except Unparsable:
        return None
    query = parsed[0].get("SelectStmt", {}) if len(parsed) == 1 else {}
    source = query.get("fromClause", ())
    if len(source) != 1 or "RangeVar" not in source[0] or query.get("op", "SETOP_NONE") != "SETOP_NONE":
        return False
    named = source[0]["RangeVar"]
    if (named.get("schemaname", table.schema), named.get("relname")) != (table.schema, table.name):
        return False
    if "whereClause" not in query:
        return False
    try:
        return _answer(_form(query["whereClause"]), form, masked=masked)
    except Unparsable:
        return False


def is_held(
    snapshot: Snapshot, database: DatabaseSnapshot, taken: Taken, role: str, form: Form
) -> bool | None:
    """Whether row policies keep a role that reads a table itself to the rows of a mandate.

    A restrictive policy with its condition does, or all permissive ones with it (manual, 5.9). None where
    a policy's text tells nothing.
    """
    relation = taken.relation
    if not relation.row_security or bypasses(snapshot, database, relation, role):
        return False
    applying = [
        one
        for one in database.row_policies
        if one.relation == relation.oid
        and one.command in ("ALL", "SELECT")
        and any(name == PUBLIC or role in heirs(snapshot, name, database.name) for name in one.roles)
    ]
    said = {one.oid: _policy_is_same(snapshot, database, one, form) for one in applying}
    permissive = [said[one.oid] for one in applying if one.permissive]
    restrictive = [said[one.oid] for one in applying if not one.permissive]
    if any(restrictive) or all(permissive):
        return True
    return None if None in said.values() else False


def compared(snapshot: Snapshot, database: DatabaseSnapshot, oid: int) -> bool | None:
    """What was found on the server of a view's or policy's condition; None where nobody compared it."""
    return (snapshot.conditions or {}).get((database.name, oid))


def _policy_is_same(
    snapshot: Snapshot, database: DatabaseSnapshot, policy: RowPolicy, form: Form
) -> bool | None:
    known = compared(snapshot, database, policy.oid)
    if known is not None:
        return known
    for one in database.definitions:
        if one.kind == "policy-using" and one.oid == policy.oid:
            return is_same(one.text, form)
    return False


def _form(node: Any) -> Form:
    if not isinstance(node, dict) or len(node) != 1:
        msg = "it is no condition"
        raise Unparsable(msg)
    ((kind, fields),) = node.items()
    match kind:
        case "BoolExpr":
            return _boolean(fields)
        case "A_Expr":
            return _comparison(fields)
        case "NullTest":
            return ("null", fields.get("nulltesttype"), _form(fields.get("arg")))
        case "BooleanTest":
            return ("is", fields.get("booltesttype"), _form(fields.get("arg")))
        case "ColumnRef":
            return ("column", words(fields.get("fields"))[-1:])
        case "A_Const":
            return ("constant", literal(fields))
        case "TypeCast":
            return _cast(fields)
        case "A_ArrayExpr":
            return ("list", *(_form(one) for one in fields.get("elements", ())))
    msg = "it has parts that no mandate has"
    raise Unparsable(msg)


def _boolean(fields: Tree) -> Form:
    parts = [_form(one) for one in fields.get("args", ())]
    operator = fields.get("boolop")
    return ("not", parts[0]) if operator == "NOT_EXPR" else _joined(operator, parts)


def _joined(operator: Any, parts: Iterable[Form]) -> Form:
    flat: list[Form] = []
    for one in parts:
        flat.extend(one[1:] if one[0] == operator else [one])
    return (operator, *flat)


def _comparison(fields: Tree) -> Form:
    kind, name = fields.get("kind"), ".".join(words(fields.get("name")))
    left, right = fields.get("lexpr"), fields.get("rexpr")
    match kind:
        case "AEXPR_BETWEEN" | "AEXPR_NOT_BETWEEN":
            value, (low, high) = _form(left), map(_form, _items(right))
            if kind == "AEXPR_BETWEEN":
                return _joined("AND_EXPR", [("op", ">=", value, low), ("op", "<=", value, high)])
            return _joined("OR_EXPR", [("op", "<", value, low), ("op", ">", value, high)])
        case "AEXPR_IN":
            items = [_form(one) for one in _items(right)]
            if len(items) == 1:
                return ("op", name, _form(left), items[0])
            return ("any" if name == "=" else "all", name, _form(left), ("list", *items))
        case "AEXPR_OP_ANY" | "AEXPR_OP_ALL":
            return ("any" if kind == "AEXPR_OP_ANY" else "all", name, _form(left), _form(right))
        case "AEXPR_OP" if left is None and name in ("-", "+"):
            inner = _form(right)
            if inner[0] == "constant":
                return ("constant", f"-{inner[1]}" if name == "-" else inner[1])
        case "AEXPR_OP" | "AEXPR_LIKE" | "AEXPR_ILIKE" | "AEXPR_DISTINCT" | "AEXPR_NOT_DISTINCT":
            tag = "op" if kind in ("AEXPR_OP", "AEXPR_LIKE", "AEXPR_ILIKE") else kind
            return (tag, name, _form(left), _form(right))
    msg = "it has parts that no mandate has"
    raise Unparsable(msg)


def _items(node: Any) -> list[Any]:
    found: list[Any] = node.get("List", {}).get("items", []) if isinstance(node, dict) else []
    return found


def _cast(fields: Tree) -> Form:
    inner, kind = _form(fields.get("arg")), fields.get("typeName", {})
    name = words(kind.get("names"))
    written = name[-1] + ("[]" if kind.get("arrayBounds") else "") if name else ""
    if inner[0] == "constant" and written == "bool":
        return ("constant", {"t": "true", "f": "false"}.get(inner[1], inner[1]))
    if inner[0] in ("constant", "list") or (written in _WIDENS and not kind.get("typmods")):
        return inner
    return ("cast", name, inner)


def _answer(stored: Form, form: Form, *, masked: bool) -> bool | None:
    hidden: list[str] = []
    if not _matches(stored, form, hidden if masked else None):
        return False
    return None if hidden else True


def _matches(stored: Any, form: Any, hidden: list[str] | None) -> bool:
    """Whether two forms are equal; hidden constants are equal to any, and counted."""
    if not isinstance(stored, tuple) or not isinstance(form, tuple):
        return bool(stored == form)
    if stored[:1] == form[:1] == ("constant",):
        text, other = str(stored[1]), str(form[1])
        if hidden is not None and (text.startswith(HIDDEN) or text == HIDDEN_NUMBER):
            hidden.append(text)
            return True
        return _plain(text) == _plain(other)
    return len(stored) == len(form) and all(
        _matches(one, other, hidden) for one, other in zip(stored, form, strict=True)
    )


def _plain(text: str) -> object:
    """A constant by its value: 1.50 is 1.5, and a date the midnight that it is compared as."""
    with contextlib.suppress(decimal.InvalidOperation):
        return decimal.Decimal(text).normalize()
    with contextlib.suppress(ValueError):
        return datetime.datetime.fromisoformat(text)
    with contextlib.suppress(ValueError):
        return datetime.time.fromisoformat(text)
    return text
