"""What the columns of a query hand out: for each output column, the table columns whose values it gives.

A value is handed out when the expression passes it on, whole or inside a larger one (a cast, a
concatenation, upper(), a row, an array, the greatest of many). It is not by what gives a part, a
digest, a count or a yes-or-no of it: a masked or counted column is not a reading of the column.
Functions that are not known to do one of these are taken to pass their arguments on.

The query is one that pg_get_viewdef printed, so that tables are qualified.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis.expression import Unparsable, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pgguard.analysis.sqltree import Tree

Origin = tuple[int, int]
Origins = frozenset[Origin]
NOTHING: Origins = frozenset()
_YES_OR_NO = frozenset({"BoolExpr", "NullTest", "BooleanTest", "JsonIsPredicate", "GroupingFunc", "A_Const"})
_SESSION = frozenset(
    {"SVFOP_CURRENT_USER", "SVFOP_SESSION_USER", "SVFOP_USER", "SVFOP_CURRENT_ROLE"}
    | {"current_setting", "pg_has_role"}
)
_DEPTH = 200


@cache
def _names(kind: str) -> frozenset[str]:
    text = resources.files("pgguard").joinpath("data/value_functions.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)[kind]["names"])


class Table(NamedTuple):
    """A stored relation: its oid and the numbers of its columns by name, in order."""

    oid: int
    columns: Mapping[str, int]


class Output(NamedTuple):
    """One output column: its name, what it hands out, and whether it is a column of a table as it stands."""

    name: str
    origins: Origins
    plain: bool


class Lineage(NamedTuple):
    """What a query hands out.

    `filtered`: it chooses rows (WHERE, HAVING, LIMIT); `grouped`: its rows stand for groups of rows;
    `by_user`: it chooses them by the session (current_user, current_setting ...);
    `base` is the one table that it shows row by row, 0 where there is none: such a view takes
    INSERT, UPDATE and DELETE (manual, CREATE VIEW, Updatable Views).
    """

    outputs: tuple[Output, ...]
    filtered: bool
    grouped: bool
    by_user: bool
    base: int


Scope = dict[str, list[Output]]


class Node:
    """A node of a statement's tree (see `sqltree`): its kind, and its fields as attributes, or None."""

    __slots__ = ("inner", "of")

    def __init__(self, of: str, inner: Tree) -> None:
        self.of = of
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return wrapped(self.inner.get(name))


def parse(text: str) -> Node | None:
    """The tree of one SELECT, or None for what is not one."""
    try:
        found = [wrapped(tree) for tree in statements(text)]
    except Unparsable:
        return None
    return found[0] if len(found) == 1 and found[0].of == "SelectStmt" else None


def of_query(query: Any, find: Callable[[str, str], Table | None]) -> Lineage:
    """The lineage of a SELECT's syntax tree; `find` gives the table of a schema and name.

    Raises `ValueError` for a query that is nested too deep to follow.
    """
    resolver = _Resolver(find)
    outputs = resolver.query(query, [])
    by_user = resolver.by_user
    return Lineage(tuple(outputs), resolver.filtered, _is_grouped(query), by_user, _base(query, find))


class _Resolver:
    """Follows one query; `scopes` are those of the query itself and of the queries around it."""

    def __init__(self, find: Callable[[str, str], Table | None]) -> None:
        self.find = find
        self.filtered = False
        self.by_user = False
        self.with_queries: list[dict[str, list[Output]]] = []
        self.depth = 0

    def query(self, node: Any, outer: list[Scope]) -> list[Output]:
        self.depth += 1
        if self.depth > _DEPTH:
            msg = "the query is nested too deep"
            raise ValueError(msg)
        self.with_queries.append({})
        for one in node.withClause.ctes if node.withClause else ():
            self._with(one, outer)
        found = self._body(node, outer)
        self.with_queries.pop()
        self.depth -= 1
        return found

    def _with(self, one: Any, outer: list[Scope]) -> None:
        names = _texts(one.aliascolnames)
        body = one.ctequery
        if _kind(body) != "SelectStmt":
            # WITH ... AS (DELETE ... RETURNING) cannot stand in a view
            self.with_queries[-1][one.ctename] = []
            return
        if body.larg is not None:
            # a recursive query meets itself: first as its non-recursive part says
            self.with_queries[-1][one.ctename] = _renamed(self.query(body.larg, outer), names)
        self.with_queries[-1][one.ctename] = _renamed(self.query(body, outer), names)

    def _body(self, node: Any, outer: list[Scope]) -> list[Output]:
        if node.larg is not None:
            left, right = self.query(node.larg, outer), self.query(node.rarg, outer)
            both = zip(left, right, strict=False)
            return [Output(one.name, one.origins | other.origins, False) for one, other in both]
        if node.valuesLists:
            rows = [[self.value(value, outer) for value in row] for row in node.valuesLists]
            columns = zip(*rows, strict=False)
            return [
                Output(f"column{number}", NOTHING.union(*cells), False)
                for number, cells in enumerate(columns, 1)
            ]
        scope: Scope = {}
        scopes = [scope, *outer]
        for item in node.fromClause or ():
            self._from(item, scope, scopes)
        if node.whereClause or node.havingClause or node.limitCount or node.limitOffset:
            self.filtered = True
            self.by_user = self.by_user or _asks_session((node.whereClause, node.havingClause))
        found: list[Output] = []
        for target in node.targetList or ():
            found += self._target(target, scopes)
        return found

    def _from(self, item: Any, scope: Scope, scopes: list[Scope]) -> None:
        match _kind(item):
            case "RangeVar":
                self._add(scope, item.alias, item.relname, self._relation(item))
            case "RangeSubselect":
                self._add(scope, item.alias, "", self.query(item.subquery, scopes))
            case "JoinExpr":
                self._join(item, scope, scopes)
            case "RangeTableSample":
                self.filtered = True
                self._from(item.relation, scope, scopes)
            case "RangeFunction":
                parts = [pair[0] for pair in item.functions]
                given = NOTHING.union(*(self.value(part, scopes) for part in parts))
                names = _texts(item.alias.colnames) if item.alias else []
                names = names or [one.colname for one in item.coldeflist or ()]
                name = item.alias.aliasname if item.alias else _function_name(parts[0])
                scope[name] = [Output(one, given, False) for one in names or [name]]
                scope[name].append(Output("*", given, False))
            case _:
                # XMLTABLE, JSON_TABLE: every column may hold anything of the document
                given = NOTHING.union(*(self.value(part, scopes) for part in _children(item)))
                name = item.alias.aliasname if item.alias else ""
                scope[name] = [Output("*", given, False)]

    def _relation(self, item: Any) -> list[Output]:
        if not item.schemaname:
            for queries in reversed(self.with_queries):
                if item.relname in queries:
                    return queries[item.relname]
        table = self.find(item.schemaname or "", item.relname)
        if table is None:
            # the system's own tables hold nothing that we look for
            return [Output("*", NOTHING, False)]
        return [
            Output(name, frozenset({(table.oid, number)}), True) for name, number in table.columns.items()
        ]

    def _join(self, item: Any, scope: Scope, scopes: list[Scope]) -> None:
        inside: Scope = {}
        around = [inside, *scopes]
        self._from(item.larg, inside, around)
        self._from(item.rarg, inside, around)
        if item.alias is not None:
            columns = [one for columns in inside.values() for one in columns]
            self._add(scope, item.alias, "", columns)
        else:
            scope.update(inside)

    def _add(self, scope: Scope, alias: Any, name: str, columns: list[Output]) -> None:
        scope[alias.aliasname if alias else name] = _renamed(columns, _texts(alias.colnames) if alias else [])

    def _target(self, target: Any, scopes: list[Scope]) -> Iterable[Output]:
        value = target.val
        if _kind(value) == "ColumnRef":
            names = [field.sval or "*" for field in value.fields]
            if names[-1] == "*":
                return _star(names[:-1], scopes)
            plain = len(found := _columns(names, scopes)) == 1 and found[0].plain
            return [Output(target.name or names[-1], _together(found), plain)]
        name = target.name or (_function_name(value) if _kind(value) == "FuncCall" else "?column?")
        return [Output(name, self.value(value, scopes), False)]

    def value(self, node: Any, scopes: list[Scope]) -> Origins:
        """What an expression hands out."""
        kind = _kind(node)
        if node is None or isinstance(node, (str, int, bool)) or kind in _YES_OR_NO:
            return NOTHING
        if isinstance(node, tuple):
            return NOTHING.union(*(self.value(one, scopes) for one in node))
        match kind:
            case "ColumnRef":
                names = [field.sval or "*" for field in node.fields]
                found = _star(names[:-1], scopes) if names[-1] == "*" else _columns(names, scopes)
                return _together(found)
            case "FuncCall":
                return NOTHING if _gives_less(node) else self.value(node.args, scopes)
            case "A_Expr":
                return self._operator(node, scopes)
            case "SubLink":
                return self._sublink(node, scopes)
            case "CaseExpr":
                results = [one.result for one in node.args]
                return self.value((*results, node.defresult), scopes)
            case "SelectStmt":
                return _together(self.query(node, scopes))
        return NOTHING.union(*(self.value(one, scopes) for one in _children(node)))

    def _operator(self, node: Any, scopes: list[Scope]) -> Origins:
        kind = node.kind
        if kind == "AEXPR_NULLIF":
            return self.value(node.lexpr, scopes)
        if kind != "AEXPR_OP" or _texts(node.name)[-1] in _names("comparisons"):
            return NOTHING
        return self.value((node.lexpr, node.rexpr), scopes)

    def _sublink(self, node: Any, scopes: list[Scope]) -> Origins:
        before = self.filtered
        found = _together(self.query(node.subselect, scopes))
        # what a scalar subquery leaves out takes no rows from the query around it
        self.filtered = before
        return found if node.subLinkType in ("EXPR_SUBLINK", "ARRAY_SUBLINK") else NOTHING


def _together(outputs: Iterable[Output]) -> Origins:
    return NOTHING.union(*(one.origins for one in outputs))


def _columns(names: list[str], scopes: list[Scope]) -> list[Output]:
    """The column, row or field that a dotted name means, looked for from the inside out."""
    name = names[-1]
    for scope in scopes:
        if len(names) > 1:
            if names[-2] in scope:
                return _named(scope[names[-2]], name)
            continue
        found = [one for columns in scope.values() for one in columns if one.name == name]
        if found:
            return found
        if name in scope:
            # a table's name alone is its whole row
            return scope[name]
        if any(one.name == "*" for columns in scope.values() for one in columns):
            return [one for columns in scope.values() for one in columns if one.name == "*"]
    return []


def _named(columns: list[Output], name: str) -> list[Output]:
    return [one for one in columns if one.name == name] or [one for one in columns if one.name == "*"]


def _star(names: list[str], scopes: list[Scope]) -> list[Output]:
    if names:
        return next((scope[names[-1]] for scope in scopes if names[-1] in scope), [])
    return [one for columns in scopes[0].values() for one in columns]


def _renamed(columns: list[Output], names: list[str]) -> list[Output]:
    return [
        one._replace(name=names[number]) if number < len(names) else one for number, one in enumerate(columns)
    ]


def _texts(nodes: Any) -> list[str]:
    return [one.sval for one in nodes or ()]


def _gives_less(node: Any) -> bool:
    names = _texts(node.funcname)
    own = len(names) == 1 or names[0] == "pg_catalog"
    return names[-1] in _names("unreadable") or (own and names[-1] in _names("less"))


def _function_name(node: Any) -> str:
    names = _texts(node.funcname) if isinstance(node, Node) else []
    return names[-1] if names else ""


def _children(node: Any) -> Iterator[Any]:
    for field in node.inner.values() if isinstance(node, Node) else ():
        child = wrapped(field)
        if isinstance(child, (tuple, Node)):
            yield child


def _kind(node: Any) -> str:
    return node.of if isinstance(node, Node) else ""


def wrapped(tree: Any) -> Any:
    """A piece of a tree: nodes as `Node`, lists as tuples, the rest as it is."""
    if isinstance(tree, list):
        return tuple(wrapped(one) for one in tree)
    if not isinstance(tree, dict):
        return tree
    if len(tree) == 1:
        ((name, fields),) = tree.items()
        if name == "List":
            return wrapped(fields.get("items", []))
        if name[0].isupper():
            return Node(name, fields)
    return Node("", tree)


def _is_grouped(query: Any) -> bool:
    return bool(query.groupClause) or any(_aggregates(target.val) for target in query.targetList or ())


def _aggregates(node: Any) -> bool:
    if isinstance(node, tuple):
        return any(_aggregates(one) for one in node)
    if _kind(node) == "SelectStmt" or node is None or isinstance(node, (str, int)):
        return False
    if _kind(node) == "FuncCall" and _function_name(node) in _names("aggregates") and node.over is None:
        return True
    return any(_aggregates(one) for one in _children(node))


def _asks_session(node: Any) -> bool:
    if isinstance(node, tuple):
        return any(_asks_session(one) for one in node)
    kind = _kind(node)
    if kind == "SQLValueFunction":
        return node.op in _SESSION
    if kind == "FuncCall" and _function_name(node) in _SESSION:
        return True
    return any(_asks_session(one) for one in _children(node))


def _base(query: Any, find: Callable[[str, str], Table | None]) -> int:
    if query.larg is not None or query.withClause or query.limitCount or query.limitOffset:
        return 0
    if query.havingClause or query.distinctClause or _is_grouped(query) or len(query.fromClause or ()) != 1:
        return 0
    only = query.fromClause[0]
    if _kind(only) != "RangeVar":
        return 0
    table = find(only.schemaname or "", only.relname)
    return table.oid if table else 0
