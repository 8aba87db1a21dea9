"""The bodies of functions in SQL and PL/pgSQL, parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis import expression, plpgsql
from pgguard.analysis.expression import Unparsable, statements
from pgguard.analysis.plpgsql_source import arguments, sources
from pgguard.analysis.spelled import filled, spelled
from pgguard.analysis.sqltree import words
from pgguard.model.rows import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.analysis.sqltree import Called
    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot

# the languages that are read; of those that are compiled no text is stored
READ = frozenset({"sql", "plpgsql"})
COMPILED = frozenset({"c", "internal"})
_KEPT = 500
_STANDARD = ("BEGIN ATOMIC", "RETURN ")


class Body(NamedTuple):
    """A function's body as steps; `unknown` says why there are none."""

    program: plpgsql.Program
    unknown: str = ""


def body(database: DatabaseSnapshot, function: Function) -> Body:
    """The body of one function.

    Raises `Unread` when the definitions could not be read.
    """
    memo: dict[int, Body] = database._memo.setdefault("bodies", {})
    known = memo.get(function.oid)
    if known is None:
        # trees are large: what is asked again soon is kept, not all of 20,000
        if len(memo) >= _KEPT:
            memo.clear()
        try:
            known = Body(_program(function, _text(database, function)))
        except Unparsable as reason:
            known = Body(plpgsql.Program((), ()), str(reason))
        memo[function.oid] = known
        database._memo.setdefault("body reasons", {})[function.oid] = known.unknown
    return known


def unknown(database: DatabaseSnapshot, function: Function) -> str:
    """Why the body of a function could not be read; empty when it could."""
    reasons: dict[int, str] = database._memo.setdefault("body reasons", {})
    if function.oid not in reasons:
        body(database, function)
    return reasons[function.oid]


def named(database: DatabaseSnapshot, call: Called) -> Iterable[Function]:
    """The functions of a database, extensions' aside, that a call may mean."""
    known: dict[str, list[Function]] | None = database._memo.get("functions by name")
    if known is None:
        known = {}
        for function in database.functions:
            if not function.extension and not function.system:
                known.setdefault(function.name, []).append(function)
        database._memo["functions by name"] = known
    given = len(call.arguments) + len(call.named)
    for function in known.get(call.name, ()):
        takes = [one for one in arguments(function) if one.input]
        if call.schema in ("", function.schema) and (given <= len(takes) or "v" in function.argument_modes):
            yield function


def statements_of(database: DatabaseSnapshot, function: Function) -> Iterator[Any]:
    """Every statement and expression of a function, and of the SQL that it executes as far as it is known."""
    program = body(database, function).program
    for variable in program.variables:
        if variable.default is not None:
            yield variable.default
    yield from plpgsql.trees(program.steps)
    for step in plpgsql.executed(program.steps):
        sql = spelled(step.text)
        if sql.text:
            try:
                yield from statements(sql.text)
            except Unparsable:
                # it is dynamic then, which `accesses` says
                continue


def filled_statements_of(database: DatabaseSnapshot, function: Function) -> Iterator[Any]:
    """As `statements_of`; in SQL that is executed, the values that are put into it stand where they go.

    SQL that waits in a variable for EXECUTE counts, too.
    """
    program = body(database, function).program
    given: dict[str, list[Any]] = {}
    for variable in program.variables:
        if variable.default is not None:
            yield variable.default
            given.setdefault(variable.name, []).append(variable.default)
    yield from plpgsql.trees(program.steps)
    for names, value in plpgsql.assigned(program.steps):
        if len(names) == 1 and value is not None:
            given.setdefault(names[0], []).append(value)
    for step in plpgsql.executed(program.steps):
        name = words(step.text["ColumnRef"].get("fields"))[-1] if "ColumnRef" in step.text else ""
        for text in given.get(name, ()) if name else (step.text,):
            try:
                yield from filled(text, step.bound)
            except Unparsable:
                # it is dynamic then, which `accesses` says
                continue


def _text(database: DatabaseSnapshot, function: Function) -> str:
    texts: dict[int, str] | None = database._memo.get("function texts")
    if texts is None:
        texts = {one.oid: one.text for one in database.definitions if one.kind == "function"}
        database._memo["function texts"] = texts
    if function.language not in READ:
        msg = f"it is written in {function.language}, which is not read"
        raise Unparsable(msg)
    if function.oid not in texts:
        msg = (
            f"it belongs to extension {function.extension}" if function.extension else "its body is not shown"
        )
        raise Unparsable(msg)
    return texts[function.oid]


def _program(function: Function, text: str) -> plpgsql.Program:
    if text.strip() == MASK:
        statements(text)
    if function.language == "plpgsql":
        return plpgsql.program(_parsed(function, text))
    if not text.lstrip().startswith(_STANDARD):
        return plpgsql.Program((), tuple(plpgsql.Query(one) for one in statements(text)))
    (made,) = statements(f"CREATE FUNCTION f() RETURNS text LANGUAGE sql {text}")
    standard = made["CreateFunctionStmt"]["sql_body"]
    if "ReturnStmt" in standard:
        return plpgsql.Program((), (plpgsql.Return(standard["ReturnStmt"].get("returnval"), ends=True),))
    lists = standard["List"].get("items", ())
    items = [one for some in lists for one in some.get("List", {}).get("items", ())]
    return plpgsql.Program((), tuple(plpgsql.Query(one) for one in items))


def _parsed(function: Function, text: str) -> list[Any]:
    for source in sources(function, text):
        found = expression.plpgsql(source)
        if found is not None:
            return found
    msg = "the parser does not take it"
    raise Unparsable(msg)
