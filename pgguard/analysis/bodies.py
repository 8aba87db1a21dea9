"""What stored SQL does: function bodies of SQL and PL/pgSQL, views, defaults, policies and the like, parsed.

Whatever could not be parsed says so (`Accesses.unknown`, `unparsed`); nothing is taken for harmless
because it was not understood.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pgguard.analysis import catalog, plpgsql
from pgguard.analysis.expression import Unparsable, statements, target_list
from pgguard.analysis.names import function_name
from pgguard.analysis.plpgsql_source import arguments, sources
from pgguard.analysis.references import Accesses, touched
from pgguard.analysis.search_path import of_function
from pgguard.analysis.spelled import spelled
from pgguard.analysis.sqltree import Constant, aliases, constant, function_calls, walk
from pgguard.model.rows import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from pgguard.analysis.sqltree import Called
    from pgguard.model.rows import Definition, Function
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

__all__ = ["Accesses", "Argument", "Body", "Call", "accesses", "body", "calls", "constants", "unparsed"]

READ = frozenset({"sql", "plpgsql"})
# what no text is stored of, because there is none
COMPILED = frozenset({"c", "internal"})
_WORD = re.compile(r"\w+")
_STANDARD = ("BEGIN ATOMIC", "RETURN ")
_FEW = 40


class Body(NamedTuple):
    """A function's body as steps; `unknown` says why there are none."""

    program: plpgsql.Program
    unknown: str = ""


class Argument(NamedTuple):
    """One argument of a call. `constant` tells that its value stands in the text; `text` is then the
    (masked) string or number. `name` is the parameter's name in named notation; `place` tells where the
    constant stands, when it is not in the call: a variable, a default, the result of a function."""

    constant: bool
    text: str = ""
    name: str = ""
    place: str = ""


class Call(NamedTuple):
    """A call of a function in stored SQL: `name` without its schema in lower case, `schema` as written.

    `nodes` are the arguments' trees, in the order of `arguments`.
    """

    definition: Definition
    schema: str
    name: str
    arguments: tuple[Argument, ...]
    nodes: tuple[Any, ...] = ()


def accesses(snapshot: Snapshot, database: DatabaseSnapshot, function: Function) -> Accesses:
    """What the body of one function reads, writes and calls.

    Raises `Unread` when relations, columns, functions or definitions could not be read.
    """
    memo: dict[int, Accesses] = database._memo.setdefault("accesses", {})
    known = memo.get(function.oid)
    if known is None:
        known = memo[function.oid] = _accesses(database, function)
    return known


def body(database: DatabaseSnapshot, function: Function) -> Body:
    """The body of one function.

    Raises `Unread` when the definitions could not be read.
    """
    memo: dict[int, Body] = database._memo.setdefault("bodies", {})
    known = memo.get(function.oid)
    if known is None:
        try:
            known = Body(_program(function, _text(database, function)))
        except Unparsable as reason:
            known = Body(plpgsql.Program((), ()), str(reason))
        memo[function.oid] = known
    return known


def calls(database: DatabaseSnapshot, names: Collection[str], kinds: Collection[str] = ()) -> Iterator[Call]:
    """The calls of functions of these names (lower case) in all stored SQL of a database.

    Function bodies and the defaults of their arguments, views, defaults, checks, policies, indexes, rules
    and triggers, or only those kinds of definitions; SQL that EXECUTE gets as a constant too. Raises
    `Unread` when the definitions could not be read.
    """
    for definition in _candidates(database, names, kinds):
        try:
            yield from _calls_in(database, definition, names)
        except (Unparsable, RecursionError):
            # `unparsed` says so
            continue


def calls_in_text(text: str, names: Collection[str]) -> Iterator[Called]:
    """The calls of functions of these names in an SQL text, as pg_stat_statements keeps it.

    Raises `Unparsable` for what is no SQL, which a text that was cut off is not.
    """
    for tree in statements(text):
        for call in function_calls(tree):
            if call.name in names:
                yield call


def unparsed(database: DatabaseSnapshot, words: Collection[str]) -> Iterator[tuple[Definition, str]]:
    """The stored SQL that holds one of these words (lower case) and could not be parsed, with the reason.

    Texts that were hidden whole may hold any word. Raises `Unread` when definitions could not be read.
    """
    for definition in _candidates(database, words, ()):
        try:
            _trees(database, definition)
        except (Unparsable, RecursionError) as reason:
            yield definition, str(reason)


def unread_languages(database: DatabaseSnapshot) -> Iterator[Function]:
    """The functions that people wrote in languages which are not read here (PL/Python, PL/Perl ...)."""
    for function in database.functions:
        if not (function.language in READ | COMPILED or function.extension or function.system):
            yield function


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
            return found._replace(place=f"the result of {function_name(function)}")
    return None


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


def _accesses(database: DatabaseSnapshot, function: Function) -> Accesses:
    found = body(database, function)
    if found.unknown:
        return Accesses(unknown=found.unknown)
    try:
        trees = list(statements_of(database, function))
        used = touched(database, trees, of_function(function), lambda call: named(database, call))
    except RecursionError:
        return Accesses(unknown="it is nested too deeply")
    return used._replace(dynamic=any(_is_open(step) for step in plpgsql.executed(found.program.steps)))


def _is_open(step: plpgsql.Execute) -> bool:
    """Whether it is not known what a step executes."""
    sql = spelled(step.text)
    if not sql.complete:
        return True
    try:
        return any("DoStmt" in one for one in statements(sql.text))
    except Unparsable:
        return True


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
    from pglast.parser import ParseError, parse_plpgsql_json

    for source in sources(function, text):
        try:
            found: list[Any] = msgspec.json.decode(parse_plpgsql_json(source))
        except (ParseError, ValueError):
            continue
        except RecursionError:
            break
        return found
    msg = "the parser does not take it"
    raise Unparsable(msg)


def _candidates(
    database: DatabaseSnapshot, names: Collection[str], kinds: Collection[str]
) -> Iterator[Definition]:
    """The definitions that may hold one of the names: where none of them is written, none is called."""
    many = {name for name in names if _WORD.fullmatch(name)} if len(names) > _FEW else set()
    few = [name for name in names if name not in many]
    for definition in database.definitions:
        if definition.kind == "comment" or (kinds and definition.kind not in kinds):
            continue
        text = definition.text.lower()
        if (
            any(name in text for name in few)
            or (many and not many.isdisjoint(_WORD.findall(text)))
            or text.strip() == MASK
        ):
            yield definition


def _trees(database: DatabaseSnapshot, definition: Definition) -> Iterable[Any]:
    """The trees of one definition.

    Raises `Unparsable`.
    """
    text = definition.text
    match definition.kind:
        case "function":
            function = catalog.functions(database).get(definition.oid)
            if function is None or definition.language not in READ:
                return ()
            found = body(database, function)
            if found.unknown:
                raise Unparsable(found.unknown)
            return statements_of(database, function)
        case "default" | "domain" | "policy-using" | "policy-check" | "argument":
            return target_list(text)
        case "check":
            return statements(f"ALTER TABLE t ADD {text}")
    return statements(text)


def _calls_in(database: DatabaseSnapshot, definition: Definition, names: Collection[str]) -> Iterator[Call]:
    trees = list(_trees(database, definition))
    function = catalog.functions(database).get(definition.oid) if definition.kind == "function" else None
    for tree in trees:
        lookup: Callable[[tuple[str, ...]], Constant | None] | None = None
        for call in function_calls(tree):
            if call.name not in names:
                continue
            lookup = lookup or _names(database, function, tree)
            nodes = [*(("", one) for one in call.arguments), *call.named.items()]
            given = [_argument(database, name, node, lookup) for name, node in nodes]
            yield Call(definition, call.schema, call.name, tuple(given), tuple(node for _, node in nodes))


def _argument(
    database: DatabaseSnapshot, name: str, node: Any, lookup: Callable[[tuple[str, ...]], Constant | None]
) -> Argument:
    found = constant(node, lookup, lambda call: returned(database, call))
    if found is None:
        return Argument(constant=False, name=name)
    return Argument(constant=True, text=found.text, name=name, place=found.place)


def _names(
    database: DatabaseSnapshot, function: Function | None, tree: Any
) -> Callable[[tuple[str, ...]], Constant | None]:
    of_variables = constants(database, function) if function is not None else {}
    of_queries = aliases(tree)

    def lookup(name: tuple[str, ...]) -> Constant | None:
        found = of_queries.get(name[-1])
        if found is None and (len(name) == 1 or (function is not None and name[0] == function.name)):
            found = of_variables.get(name[-1])
        return found

    return lookup


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
                    found[name] = Constant(next(one.text for one in known if one), f"variable {name}")
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
            given = Constant(known.text, f"the default of argument {argument.name or argument.place}")
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
