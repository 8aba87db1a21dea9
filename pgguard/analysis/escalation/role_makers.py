"""SECURITY DEFINER functions of superusers that make or change the roles their callers name.

However well it quotes, a function that runs GRANT with a role from its argument, or sets the password
of a role from its argument, does so with superusers too. A body with a condition in it is taken to
refuse them: what a condition means is not judged here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis import plpgsql
from pgguard.analysis.expression import Unparsable, statements
from pgguard.analysis.function_bodies import body
from pgguard.analysis.spelled import PLACE
from pgguard.analysis.sqltree import called, literal, operands, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot

_QUOTING = frozenset({"quote_ident", "quote_literal", "quote_nullable"})
_NAME, _VALUE = "placed_", "placed"
_HIDDEN_WORD = "_"


def effect(database: DatabaseSnapshot, function: Function) -> str:
    """What a function does with a role that its caller names, as the end of "it ..."; empty for nothing.

    Raises `Unread` when the definitions could not be read.
    """
    steps = body(database, function).program.steps
    if _has_condition(steps):
        return ""
    arguments = {name for name in function.argument_names if name}
    arguments |= {f"${number + 1}" for number in range(len(function.argument_names))}
    for step in plpgsql.executed(steps):
        placed: list[Any] = []
        text = "".join(_spelled(one, placed) for one in operands(step.text))
        try:
            # a word that masking does not know stands as _, here an option such as LOGIN
            trees = statements(" ".join(word for word in text.split() if word != _HIDDEN_WORD))
        except Unparsable:
            continue
        named = {f"{_NAME}{number}" for number, one in enumerate(placed) if _argument(one) in arguments}
        for tree in trees:
            found = _done(tree, named)
            if found:
                return found
    return ""


def _done(tree: Any, named: set[str]) -> str:
    ((kind, fields),) = tree.items()
    options = {
        one["DefElem"].get("defname", ""): one["DefElem"].get("arg", {}) for one in fields.get("options", ())
    }
    if kind == "GrantRoleStmt" and fields.get("is_grant"):
        roles = {one["AccessPriv"].get("priv_name", "") for one in fields.get("granted_roles", ())}
        to = {one["RoleSpec"].get("rolename", "") for one in fields.get("grantee_roles", ())}
        if roles & named and any(one.startswith(_NAME) for one in to):
            return "grants the role that its caller names"
    if kind == "AlterRoleStmt" and fields.get("role", {}).get("rolename") in named:
        if options.get("password", {}).get("String", {}).get("sval") == _VALUE:
            return "sets the password of the role that its caller names"
        if _true(options.get("superuser", {})):
            return "makes the role that its caller names superuser"
    if kind == "CreateRoleStmt":
        if _true(options.get("superuser", {})):
            return "makes superusers"
        into = options.get("addroleto", {}).get("List", {}).get("items", ())
        if {one["RoleSpec"].get("rolename", "") for one in into} & named:
            return "makes members of the role that its caller names"
    return ""


def _true(value: Any) -> bool:
    return bool(value.get("Boolean", {}).get("boolval"))


def _spelled(node: Any, placed: list[Any]) -> str:
    """One operand of the text, with a name or a string for what is quoted; `placed` takes what that was."""
    if not isinstance(node, dict) or len(node) != 1:
        return _added(node, placed)
    ((kind, fields),) = node.items()
    if kind == "A_Const":
        return literal(fields) or ""
    if kind in ("TypeCast", "CollateClause"):
        return _spelled(fields.get("arg"), placed)
    if kind == "FuncCall":
        call = called(fields)
        if call.name in _QUOTING and call.arguments:
            return _added(call.arguments[0], placed) if call.name == "quote_ident" else f"'{_VALUE}'"
        if call.name == "format" and call.arguments:
            return _format(call.arguments, placed)
    return _added(node, placed)


def _format(given: tuple[Any, ...], placed: list[Any]) -> str:
    template = _spelled(given[0], [])
    parts: list[str] = []
    end = last = 0
    for found in PLACE.finditer(template):
        parts.append(template[end : found.start()])
        end = found.end()
        if found[2] is None:
            parts.append("%")
            continue
        last = int(found[1]) if found[1] else last + 1
        value = given[last] if last < len(given) else None
        parts.append(f"'{_VALUE}'" if found[2] == "L" else _added(value, placed))
    return "".join([*parts, template[end:]])


def _added(value: Any, placed: list[Any]) -> str:
    placed.append(value)
    return f"{_NAME}{len(placed) - 1}"


def _argument(node: Any) -> str:
    """The name of the argument that an expression is, or empty."""
    if not isinstance(node, dict):
        return ""
    if "ParamRef" in node:
        return f"${node['ParamRef'].get('number', 0)}"
    return (words(node.get("ColumnRef", {}).get("fields")) or ("",))[-1]


def _has_condition(steps: tuple[plpgsql.Step, ...]) -> bool:
    return any(isinstance(one, plpgsql.Branch) or _evaluates(one) for one in _all(steps))


def _evaluates(step: plpgsql.Step) -> bool:
    # ASSERT, EXIT WHEN
    return isinstance(step, plpgsql.Evaluate) and not step.ends and bool(step.values)


def _all(steps: tuple[plpgsql.Step, ...]) -> Iterator[plpgsql.Step]:
    for step in steps:
        yield step
        if isinstance(step, plpgsql.Block):
            yield from _all(step.body)
            for handler in step.handlers:
                yield from _all(handler)
        elif isinstance(step, plpgsql.Loop):
            yield from _all(step.body)
