"""Queries and expressions: which columns of which relations they read, which functions they call.

The rules are those by which PostgreSQL marks columns for the check of privileges: every column that is
named anywhere in a query counts, whether its value comes out or not; of a relation of which no column is
named, SELECT on any will do (manual, SELECT, Description).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis import catalog
from pgguard.analysis.names import relation_name
from pgguard.analysis.sqltree import called, words
from pgguard.analysis.usage import calls as functions
from pgguard.analysis.usage import implied, writing
from pgguard.analysis.usage.scope import Column, Entry, Frame, Frames, lookup
from pgguard.model.usage import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.sqltree import Tree
    from pgguard.analysis.usage.place import As, Place
    from pgguard.model.rows import Relation

# everything in FROM is locked, in inner queries too
_ALL = ""
_WRITES = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})
_SUBLINK_NAMES = {"EXISTS_SUBLINK": "exists", "ARRAY_SUBLINK": "array"}


class Reader:
    """Reads statements as somebody; what they take goes into the place."""

    def __init__(self, place: Place, who: As) -> None:
        self.place = place
        self.who = who
        self.with_queries: list[dict[str, list[Column]]] = []

    def query(self, tree: Tree, frames: Frames) -> list[Column]:
        """SELECT, VALUES, INSERT, UPDATE, DELETE or MERGE; its output columns."""
        ((kind, fields),) = tree.items()
        if kind == "SelectStmt":
            return self.select(fields, frames)
        if kind in _WRITES:
            return writing.write(self, kind, fields, frames)
        self.place.gap(self.who.checked, "it holds a statement that is not known here")
        return []

    def select(self, fields: Tree, outer: Frames, lock: bool = False) -> list[Column]:
        """One SELECT; with `lock` the rows of all that it reads are locked from outside."""
        self.enter(fields, outer)
        found = self._body(fields, outer, lock)
        self.with_queries.pop()
        return found

    def enter(self, fields: Tree, outer: Frames) -> None:
        """The queries of a WITH; `with_queries.pop()` leaves them."""
        self.with_queries.append({})
        for one in fields.get("withClause", {}).get("ctes", ()):
            inner = one["CommonTableExpr"]
            name, names = inner.get("ctename", ""), _texts(inner.get("aliascolnames"))
            query = inner.get("ctequery", {})
            first = query.get("SelectStmt", {}).get("larg")
            if first is not None:
                # a recursive query meets itself: first as its non-recursive part says
                self.with_queries[-1][name] = _renamed(self.select(first, outer), names)
            # what comes out of it was counted where it was read
            plain = [Column(column.name) for column in self.query(query, outer)]
            self.with_queries[-1][name] = _renamed(plain, names)

    def _body(self, fields: Tree, outer: Frames, lock: bool) -> list[Column]:
        if "larg" in fields:
            left = self.select(fields["larg"], outer, lock)
            self.select(fields["rarg"], outer, lock)
            self._limits(fields, outer)
            return left
        if "valuesLists" in fields:
            rows = [one["List"].get("items", ()) for one in fields["valuesLists"]]
            for row in rows:
                self.value(row, outer)
            self._limits(fields, outer)
            return [Column(f"column{number}") for number, _ in enumerate(rows[0] if rows else (), 1)]
        frame = Frame()
        frames = [frame, *outer]
        locked = _locked(fields) | ({_ALL} if lock else set())
        for item in fields.get("fromClause", ()):
            frame.parts.append(self.from_item(item, frame, frames, locked))
        found = [column for target in fields.get("targetList", ()) for column in self.target(target, frames)]
        self.value(fields.get("whereClause"), frames)
        self.value(fields.get("havingClause"), frames)
        self.value(fields.get("windowClause"), frames)
        outputs = {column.name for column in found}
        for name in ("sortClause", "distinctClause"):
            self.value([one for one in fields.get(name, ()) if _bare(one) not in outputs], frames)
        for one in fields.get("groupClause", ()):
            # here a column of FROM goes before one of the output
            if _bare(one) not in outputs or frame.column(_bare(one)):
                self.value(one, frames)
        self._limits(fields, outer)
        return found

    def _limits(self, fields: Tree, outer: Frames) -> None:
        self.value(fields.get("limitCount"), outer)
        self.value(fields.get("limitOffset"), outer)

    def from_item(
        self, item: Tree, frame: Frame, frames: Frames, locked: set[str] | frozenset[str] = frozenset()
    ) -> list[Column]:
        """One item of FROM: what it adds to the frame, and the columns that a star gives of it."""
        ((kind, fields),) = item.items()
        match kind:
            case "RangeVar":
                return frame.add(self._table(fields, locked))
            case "RangeSubselect":
                alias = _alias(fields)
                inner = fields.get("subquery", {}).get("SelectStmt", {})
                lock = _ALL in locked or alias in locked
                columns = [Column(one.name) for one in self.select(inner, frames, lock)]
                return frame.add(Entry(alias, _renamed(columns, _alias_columns(fields))))
            case "JoinExpr":
                return self._join(fields, frame, frames, locked)
            case "RangeTableSample":
                self.value(fields.get("args"), frames)
                return self.from_item(fields["relation"], frame, frames, locked)
            case "RangeFunction":
                return frame.add(self._function(fields, frames))
        # XMLTABLE, JSON_TABLE: their columns are in the item
        self.value({name: one for name, one in fields.items() if name != "alias"}, frames)
        return frame.add(Entry(_alias(fields), [], is_open=True))

    def _table(self, fields: Tree, locked: set[str] | frozenset[str]) -> Entry:
        name = fields.get("relname", "")
        alias = _alias(fields) or name
        if not fields.get("schemaname"):
            for queries in reversed(self.with_queries):
                if name in queries:
                    return Entry(alias, _renamed(queries[name], _alias_columns(fields)))
        relation = self.place.relation(self.who, fields)
        if relation is None:
            return Entry(alias, [], is_open=True)
        self.place.on(self.who, relation, "SELECT")
        implied.read(self, relation)
        if _ALL in locked or alias in locked:
            self.place.on(self.who, relation, "UPDATE")
            implied.lock(self, relation)
        return self.entry(relation, alias, _alias_columns(fields), is_aliased="alias" in fields)

    def entry(
        self, relation: Relation, alias: str, names: list[str] | None = None, *, is_aliased: bool = True
    ) -> Entry:
        """A relation as a query names it."""
        columns = [
            Column(one.name, ((relation, one.name),))
            for one in catalog.columns(self.place.database, relation.oid)
        ]
        # a sequence has columns that the catalog's snapshot leaves out
        is_open = relation.kind == "S"
        schema = "" if is_aliased else relation.schema
        return Entry(alias, _renamed(columns, names or []), relation, schema, is_open)

    def _join(
        self, fields: Tree, frame: Frame, frames: Frames, locked: set[str] | frozenset[str]
    ) -> list[Column]:
        inside = Frame()
        around = [inside, *frames]
        left = self.from_item(fields["larg"], inside, around, locked)
        right = self.from_item(fields["rarg"], inside, around, locked)
        names = [one.name for one in left]
        shared = words(fields.get("usingClause"))
        if fields.get("isNatural"):
            shared = tuple(one.name for one in right if one.name in names)
        merged = {name: [one for one in (*left, *right) if one.name == name] for name in shared}
        for columns in merged.values():
            self.mark(columns)
        self.value(fields.get("quals"), around)
        together = [
            Column(name, tuple(one for column in same for one in column.origins))
            for name, same in merged.items()
        ]
        columns = [*together, *(one for one in (*left, *right) if one.name not in merged)]
        alias = _alias(fields)
        if alias:
            is_open = any(one.is_open for one in inside.entries)
            return frame.add(Entry(alias, _renamed(columns, _alias_columns(fields)), is_open=is_open))
        frame.entries += inside.entries
        if "join_using_alias" in fields:
            frame.add(Entry(fields["join_using_alias"].get("aliasname", ""), together, only_qualified=True))
        return columns

    def _function(self, fields: Tree, frames: Frames) -> Entry:
        name = ""
        for one in fields.get("functions", ()):
            for part in one["List"].get("items", ()):
                self.value(part, frames)
                name = called(part["FuncCall"]).name if "FuncCall" in part else name
        alias = _alias(fields) or name
        defined = [one["ColumnDef"].get("colname", "") for one in fields.get("coldeflist", ())]
        names = _alias_columns(fields) or defined or [alias]
        # what a function returns is not followed: it may have other columns
        return Entry(alias, [Column(one) for one in names], is_open=not defined)

    def target(self, target: Tree, frames: Frames) -> list[Column]:
        """The output columns of one item of a SELECT list or RETURNING."""
        fields = target.get("ResTarget", {})
        value = fields.get("val", {})
        if "ColumnRef" in value and words(value["ColumnRef"].get("fields"))[-1:] == ("",):
            return self.column(words(value["ColumnRef"].get("fields")), frames)
        self.value(value, frames)
        return [Column(fields.get("name") or _output_name(value))]

    def value(self, node: Any, frames: Frames) -> None:
        """What an expression, or a list of them, reads and calls."""
        if isinstance(node, list):
            for one in node:
                self.value(one, frames)
        elif isinstance(node, dict):
            for kind, fields in node.items():
                self._node(kind, fields, frames)

    def _node(self, kind: str, fields: Any, frames: Frames) -> None:
        match kind:
            case "ColumnRef":
                self.column(words(fields.get("fields")), frames)
            case "SelectStmt":
                self.select(fields, frames)
            case "FuncCall":
                functions.call(self, called(fields), frames)
                self.value({name: one for name, one in fields.items() if name != "funcname"}, frames)
            case "typeName":
                self.type(fields)
            case "A_Expr":
                parts = words(fields.get("name"))
                if len(parts) > 1:
                    self.place.schema(self.who, parts[0])
                self.value([fields.get("lexpr"), fields.get("rexpr")], frames)
            case "CollateClause":
                self.value(fields.get("arg"), frames)
            case _:
                self.value(fields, frames)

    def type(self, fields: Tree) -> None:
        """A type that is named; where it has no schema, one that columns or arguments have."""
        parts = words(fields.get("names"))
        if len(parts) > 1:
            self.place.schema(self.who, parts[-2])
        elif parts:
            known = implied.types(self.place.database).get(parts[0], ())
            for schema in self.who.path:
                if schema in known:
                    self.place.schema(self.who, schema)
                    break

    def column(self, names: tuple[str, ...], frames: Frames) -> list[Column]:
        """The columns that a dotted name means: their SELECT is taken."""
        found = lookup(frames, names) if names else []
        if found is None:
            if not self.who.variables:
                relations = {one.relation for frame in frames for one in frame.entries if one.relation}
                for one in sorted(map(relation_name, relations)) or [NOTHING]:
                    self.place.gap(self.who.checked, "it names a column that is not there", one)
            return []
        self.mark(found)
        return found

    def mark(self, columns: list[Column]) -> None:
        """SELECT on these columns is taken."""
        for column in columns:
            for relation, name in column.origins:
                self.place.on(self.who, relation, "SELECT", name)


def _locked(fields: Tree) -> set[str]:
    """The aliases in FROM whose rows a SELECT locks."""
    found: set[str] = set()
    for one in fields.get("lockingClause", ()):
        named = one["LockingClause"].get("lockedRels", ())
        found |= {item["RangeVar"].get("relname", "") for item in named} or {_ALL}
    return found


def _bare(node: Tree) -> str:
    """The name that an item of ORDER BY, GROUP BY or DISTINCT ON is, when it is nothing more."""
    inner = node.get("SortBy", {}).get("node", node) if isinstance(node, dict) else {}
    names = words(inner.get("ColumnRef", {}).get("fields")) if isinstance(inner, dict) else ()
    return names[0] if len(names) == 1 and names[0] else "\0"


def _alias(fields: Tree) -> str:
    return str(fields.get("alias", {}).get("aliasname", ""))


def _alias_columns(fields: Tree) -> list[str]:
    return _texts(fields.get("alias", {}).get("colnames"))


def _texts(nodes: Any) -> list[str]:
    return [one["String"].get("sval", "") for one in nodes or () if "String" in one]


def _renamed(columns: list[Column], names: list[str]) -> list[Column]:
    return [
        one._replace(name=names[number]) if number < len(names) else one for number, one in enumerate(columns)
    ]


def _output_name(value: Tree) -> str:
    """How PostgreSQL names an output column that has no name of its own."""
    for kind, fields in value.items():
        match kind:
            case "ColumnRef":
                return words(fields.get("fields"))[-1]
            case "FuncCall":
                return called(fields).name
            case "A_Indirection":
                named = _texts(fields.get("indirection"))
                return named[-1] if named else _output_name(fields.get("arg", {}))
            case "TypeCast":
                inner = _output_name(fields.get("arg", {}))
                return words(fields.get("typeName", {}).get("names"))[-1] if inner == "?column?" else inner
            case "CollateClause":
                return _output_name(fields.get("arg", {}))
            case "CaseExpr":
                inner = _output_name(fields.get("defresult", {}))
                return "case" if inner == "?column?" else inner
            case "CoalesceExpr":
                return "coalesce"
            case "SubLink":
                targets = fields.get("subselect", {}).get("SelectStmt", {}).get("targetList", ())
                plain = _SUBLINK_NAMES.get(fields.get("subLinkType", ""), "?column?")
                if fields.get("subLinkType") == "EXPR_SUBLINK" and targets:
                    only = targets[0]["ResTarget"]
                    return str(only.get("name") or _output_name(only.get("val", {})))
                return plain
    return "?column?"


def statements_in(reader: Reader, trees: Iterator[Any]) -> None:
    """Statements and expressions of a body or a stored definition."""
    from pgguard.analysis.usage.commands import command

    for tree in trees:
        if isinstance(tree, dict) and len(tree) == 1 and next(iter(tree)).endswith("Stmt"):
            command(reader, tree)
        else:
            reader.value(tree, [])
