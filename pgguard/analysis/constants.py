"""Constants in functions: variables that hold one, defaults of arguments, functions that always give one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis import plpgsql
from pgguard.analysis.expression import Unparsable, target_list
from pgguard.analysis.function_bodies import body, named
from pgguard.analysis.names import function_name
from pgguard.analysis.plpgsql_source import arguments
from pgguard.analysis.sqltree import Constant, Origin, constant, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.analysis.sqltree import Called
    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot


def constants(database: DatabaseSnapshot, function: Function) -> Mapping[str, Constant]:
    """The variables and arguments of a function that hold a constant which stands in the text.

    An argument is one by its default; it is named as it is and by its place ($1).
    """
    memo: dict[int, Mapping[str, Constant]] = database._memo.setdefault("constants", {})
    known = memo.get(function.oid)
    if known is None:
        memo[function.oid] = {}
        known = memo[function.oid] = _constants(database, function)
    return known


def returned(database: DatabaseSnapshot, call: Called) -> Constant | None:
    """The constant that a function of the database always gives, when it is one."""
    memo: dict[int, Constant | None] = database._memo.setdefault("returned", {})
    for function in named(database, call):
        if function.oid not in memo:
            # a function that calls itself gives no constant
            memo[function.oid] = None
            memo[function.oid] = _returned(database, function)
        found = memo[function.oid]
        if found is not None:
            # the innermost function is the one that holds it
            is_inner = found.origin is not None and found.origin.kind == "function"
            origin = found.origin if is_inner else Origin("function", function_name(function), function.oid)
            return Constant(found.text, origin)
    return None


def _constants(database: DatabaseSnapshot, function: Function) -> dict[str, Constant]:
    program = body(database, function).program
    values: dict[str, list[Any]] = {}
    for variable in program.variables:
        if variable.default is not None:
            values.setdefault(variable.name, []).append(variable.default)
    for names, value in plpgsql.assigned(program.steps):
        for name in names:
            values.setdefault(name.partition(".")[0], []).append(value if len(names) == 1 else None)
    found = _defaults(database, function)
    for name in values.keys() & found.keys():
        del found[name]
    # a constant may stand on others, declared before it
    for _ in range(len(values)):
        before = len(found)
        for name, some in values.items():
            if name not in found:
                known = [
                    constant(one, lambda name: found.get(name[-1]), lambda call: returned(database, call))
                    for one in some
                ]
                if all(known):
                    first = next(one for one in known if one)
                    inner = first.origin if first.origin and first.origin.kind != "variable" else None
                    found[name] = Constant(first.text, inner or Origin("variable", name, function.oid))
        if len(found) == before:
            break
    return found


def _defaults(database: DatabaseSnapshot, function: Function) -> dict[str, Constant]:
    """The arguments with a constant for a default; those with one are the last inputs."""
    texts: dict[int, str] | None = database._memo.get("argument texts")
    if texts is None:
        texts = {one.oid: one.text for one in database.definitions if one.kind == "argument"}
        database._memo["argument texts"] = texts
    if function.oid not in texts:
        return {}
    try:
        values = target_list(texts[function.oid])
    except Unparsable:
        return {}
    found: dict[str, Constant] = {}
    inputs = [one for one in arguments(function) if one.input]
    for argument, value in zip(inputs[len(inputs) - len(values) :], values, strict=False):
        known = constant(value)
        if known is not None:
            given = Constant(known.text, Origin("argument", argument.name or argument.place, function.oid))
            found[argument.place] = given
            if argument.name:
                found[argument.name] = given
    return found


def _returned(database: DatabaseSnapshot, function: Function) -> Constant | None:
    program = body(database, function).program
    values: list[Any] = []
    if function.language == "sql" and program.steps:
        last = program.steps[-1]
        values = [last.value] if isinstance(last, plpgsql.Return) else _selected(last)
    else:
        values = [step for step in plpgsql.results(program.steps) if step is not None]
    variables = constants(database, function)
    found = [
        constant(one, lambda name: variables.get(name[-1]), lambda call: returned(database, call))
        for one in values
    ]
    return found[0] if found and all(found) else None


def _selected(step: plpgsql.Step) -> list[Any]:
    """The one column of a query without tables."""
    query = step.tree.get("SelectStmt", {}) if isinstance(step, plpgsql.Query) else {}
    targets = query.get("targetList", ())
    if len(targets) != 1 or any(kind == "RangeVar" for kind, _ in walk(query.get("fromClause", ()))):
        return [None]
    return [targets[0]["ResTarget"].get("val")]
