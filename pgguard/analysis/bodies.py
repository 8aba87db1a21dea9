"""What stored SQL does: function bodies of SQL and PL/pgSQL, views, defaults, policies and the like, parsed.

Whatever could not be parsed says so (`Accesses.unknown`, `unparsed`); nothing is taken for harmless
because it was not understood.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis import catalog, plpgsql
from pgguard.analysis.constants import constants, returned
from pgguard.analysis.expression import Unparsable, statements, target_list
from pgguard.analysis.function_bodies import (
    COMPILED,
    READ,
    body,
    filled_statements_of,
    named,
    statements_of,
    unknown,
)
from pgguard.analysis.references import Accesses, touched
from pgguard.analysis.search_path import OWN_SCHEMA, of_function
from pgguard.analysis.spelled import spelled
from pgguard.analysis.sqltree import Constant, Origin, aliases, constant, function_calls
from pgguard.model.rows import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from pgguard.analysis.sqltree import Called
    from pgguard.model.rows import Definition, Function
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

__all__ = [
    "Accesses",
    "Argument",
    "Call",
    "accesses",
    "calls",
    "calls_in_text",
    "holding",
    "parsed",
    "unparsed",
]

_WORD = re.compile(r"\w+")
_NO_SQL = frozenset({"comment", "type"})
# from how many names on a text is cut into words
_FEW = 40


class Argument(NamedTuple):
    """One argument of a call. `constant` tells that its value stands in the text; `text` is then the
    (masked) string or number. `name` is the parameter's name in named notation; `origin` tells where the
    constant stands, when it is not in the call."""

    constant: bool
    text: str = ""
    name: str = ""
    origin: Origin | None = None


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


def calls(database: DatabaseSnapshot, names: Collection[str], kinds: Collection[str] = ()) -> Iterator[Call]:
    """The calls of functions of these names (lower case) in all stored SQL of a database.

    Function bodies and the defaults of their arguments, views, defaults, checks, policies, indexes, rules
    and triggers, or only those kinds of definitions; SQL that EXECUTE gets as a constant too. Raises
    `Unread` when the definitions could not be read.
    """
    for definition in holding(database, names, kinds, whole=len(names) > _FEW):
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


def unparsed(
    database: DatabaseSnapshot, words: Collection[str], pattern: re.Pattern[str] | None = None
) -> Iterator[tuple[Definition, str]]:
    """The stored SQL that holds one of these words (lower case) and could not be parsed, with the reason.

    Of those the ones that `pattern` finds something in, too. Texts that were hidden whole may hold any
    word. Raises `Unread` when definitions could not be read.
    """
    functions = catalog.functions(database)
    for definition in holding(database, words, pattern=pattern):
        if definition.kind == "function" and definition.language in READ and definition.oid in functions:
            reason = unknown(database, functions[definition.oid])
            if reason:
                yield definition, reason
            continue
        try:
            parsed(database, definition)
        except Unparsable as unknown_reason:
            yield definition, str(unknown_reason)


def unread_languages(database: DatabaseSnapshot) -> Iterator[Function]:
    """The functions that people wrote in languages which are not read here (PL/Python, PL/Perl ...)."""
    for function in database.functions:
        if not (function.language in READ | COMPILED or function.extension or function.system):
            yield function


def _accesses(database: DatabaseSnapshot, function: Function) -> Accesses:
    found = body(database, function)
    if found.unknown:
        return Accesses(unknown=found.unknown)
    try:
        trees = list(statements_of(database, function))
        used = touched(database, trees, _search_path(function), lambda call: named(database, call))
    except RecursionError:
        return Accesses(unknown="it is nested too deeply")
    return used._replace(dynamic=any(_is_open(step) for step in plpgsql.executed(found.program.steps)))


def _search_path(function: Function) -> tuple[str, ...] | None:
    """The schemas that a function sees, as far as it sets them itself."""
    path = of_function(function)
    if path is None or OWN_SCHEMA not in path:
        return path
    # $user is whoever runs it
    return tuple(function.owner if one == OWN_SCHEMA else one for one in path) if function.definer else None


def _is_open(step: plpgsql.Execute) -> bool:
    """Whether it is not known what a step executes."""
    sql = spelled(step.text)
    if not sql.complete:
        return True
    try:
        return any("DoStmt" in one for one in statements(sql.text))
    except Unparsable:
        return True


def holding(
    database: DatabaseSnapshot,
    words: Collection[str],
    kinds: Collection[str] = (),
    pattern: re.Pattern[str] | None = None,
    *,
    whole: bool = False,
) -> Iterator[Definition]:
    """The definitions of SQL that hold one of the words (lower case), or were hidden whole.

    With a `pattern` those in whose text, in lower case, it finds something; the words then only spare time.
    With `whole` the words count by themselves alone, which takes as long for many as for few.
    """
    many = {word for word in words if _WORD.fullmatch(word)} if whole else set()
    few = [word for word in words if word not in many]
    for definition in database.definitions:
        if definition.kind in _NO_SQL or (kinds and definition.kind not in kinds):
            continue
        text = definition.text.lower()
        is_written = any(word in text for word in few) or (many and not many.isdisjoint(_WORD.findall(text)))
        if (is_written and (pattern is None or pattern.search(text))) or text.strip() == MASK:
            yield definition


def parsed(database: DatabaseSnapshot, definition: Definition) -> Iterable[Any]:
    """The statements and expressions of one definition as trees.

    Raises `Unparsable`.
    """
    if definition.kind == "function":
        function = catalog.functions(database).get(definition.oid)
        if function is None or definition.language not in READ:
            return ()
        found = body(database, function)
        if found.unknown:
            raise Unparsable(found.unknown)
        return filled_statements_of(database, function)
    memo: dict[Definition, list[Any] | str] = database._memo.setdefault("parsed definitions", {})
    if definition not in memo:
        try:
            memo[definition] = _tree(definition)
        except Unparsable as reason:
            memo[definition] = str(reason)
    known = memo[definition]
    if isinstance(known, str):
        raise Unparsable(known)
    return known


def _tree(definition: Definition) -> list[Any]:
    match definition.kind:
        case "default" | "domain" | "policy-using" | "policy-check" | "argument":
            return target_list(definition.text)
        case "check":
            return list(statements(f"ALTER TABLE t ADD {definition.text}"))
    return list(statements(definition.text))


def _calls_in(database: DatabaseSnapshot, definition: Definition, names: Collection[str]) -> Iterator[Call]:
    trees = list(parsed(database, definition))
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
    return Argument(constant=True, text=found.text, name=name, origin=found.origin)


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
