"""Queries and expressions: which encrypted columns they read, and what they do with them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from pgguard.analysis.encryption_impact.facts import INVOKER_SINCE, Form
from pgguard.analysis.encryption_impact.scope import (
    ANY,
    Frame,
    Output,
    Source,
    meant,
    of_outputs,
    of_targets,
    star,
)
from pgguard.analysis.sqltree import called, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.analysis.encryption_impact.facts import Target
    from pgguard.analysis.encryption_impact.scope import Frames, Origin
    from pgguard.analysis.sqltree import Called, Tree

Origins = frozenset["Origin"]
NOTHING: Origins = frozenset()
WRITES = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})
_SYSTEM_COLUMNS = frozenset({"ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"})
_PATTERNS = frozenset(
    {"~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*", "^@", "%", "<%", "%>", "@@", "<->"}
)
_PATTERN_KINDS = frozenset({"AEXPR_LIKE", "AEXPR_ILIKE", "AEXPR_SIMILAR"})
# PostgreSQL's own functions that take a row of any type
_ANY_ROW = frozenset({
    "any_value", "array_agg", "array_append", "array_prepend", "coalesce", "concat", "concat_ws", "count",
    "first_value", "format", "hash_record", "hash_record_extended", "hstore", "json_agg", "json_build_array",
    "json_build_object", "json_object_agg", "json_populate_record", "json_populate_recordset", "jsonb_agg",
    "jsonb_build_array", "jsonb_build_object", "jsonb_object_agg", "jsonb_populate_record",
    "jsonb_populate_record_valid", "jsonb_populate_recordset", "lag", "last_value", "lead", "nth_value",
    "num_nonnulls", "num_nulls", "pg_column_size", "pg_typeof", "quote_literal", "quote_nullable",
    "record_out", "row_to_json", "string_agg", "to_json", "to_jsonb", "unnest",
})  # fmt: skip
_GIVING = frozenset({"AEXPR_OP", "AEXPR_IN", "AEXPR_OP_ANY", "AEXPR_NOT_DISTINCT"})
# what a value that is read is used for, and the kind of impact in each form
_USES: dict[str, tuple[str, str]] = {
    "shown": ("decrypt-value", "select-null"),
    "copied": ("clear-copy", "select-null"),
    "scan": ("decrypt-scan", "search-null"),
    "pattern": ("like-search", "search-null"),
    "join": ("join-on-encrypted", "search-null"),
    "sort": ("sort-by-encrypted", "search-null"),
    "group": ("group-by-encrypted", "search-null"),
    "aggregate": ("decrypt-scan", "select-null"),
    "own": ("update-own-value", "update-own-value"),
}
_BY_ROW = frozenset({"shown", "copied", "own"})


@cache
def _aggregates() -> frozenset[str]:
    text = resources.files("pgguard").joinpath("data/value_functions.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)["aggregates"]["names"])


@dataclass(slots=True)
class Reading:
    """One statement: what is met goes into `found`, kind and table with the columns concerned, in order."""

    targets: Sequence[Target]
    major: int
    search_path: tuple[str, ...] | None
    found: dict[tuple[str, Target], dict[str, None]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    prepared: set[str] = field(default_factory=set)
    executed: list[str] = field(default_factory=list)
    with_queries: list[dict[str, list[Output]]] = field(default_factory=list)

    def meet(self, kind: str, target: Target, columns: Iterable[str] = ()) -> None:
        """A kind of impact was met."""
        self.found.setdefault((kind, target), {}).update(dict.fromkeys(columns))

    def of_form(self, targets: Iterable[Target], form: Form, kind: str, columns: Iterable[str] = ()) -> None:
        """It was met for the tables of one form."""
        for target in targets:
            if target.form is form:
                self.meet(kind, target, columns)

    def use(self, use: str, origins: Iterable[Origin]) -> None:
        """Encrypted values are used for something."""
        for source, target, column in origins:
            behind_view, in_place = _USES[use]
            if target.form is Form.VIEW:
                # one row opened is no scan, and what ON CONFLICT finds breaks before
                kind = "decrypt-value" if source.pinned and use not in _BY_ROW else behind_view
                if not source.excluded:
                    self.meet(kind, target, (column,))
            else:
                self.meet("excluded-null" if source.excluded else in_place, target, (column,))

    def named(self, fields: Tree) -> tuple[Target, ...]:
        """The tables with encrypted columns that a RangeVar may mean."""
        return self.table(str(fields.get("schemaname", "")), str(fields.get("relname", "")))

    def table(self, schema: str, name: str) -> tuple[Target, ...]:
        """The tables of that name; without a schema, of the first in search_path that has one, or of any."""
        alike = tuple(one for one in self.targets if one.table == name)
        if schema:
            return tuple(one for one in alike if one.schema == schema)
        if self.search_path is None or not alike:
            return alike
        there = (
            tuple(one for one in alike if one.schema == schema_of_path) for schema_of_path in self.search_path
        )
        return next((one for one in there if one), ())

    def query(self, tree: Tree, frames: Frames) -> list[Output]:
        """SELECT, VALUES or a statement that writes; its output columns."""
        ((kind, fields),) = tree.items()
        if kind in WRITES:
            from pgguard.analysis.encryption_impact.writing import write

            return write(self, kind, fields, frames)
        return self.select(fields, frames)

    def select(self, fields: Tree, outer: Frames) -> list[Output]:
        """One SELECT."""
        self.enter(fields, outer)
        found = self._body(fields, outer)
        self.with_queries.pop()
        if "intoClause" in fields:
            self.shown(found, "copied")
        return found

    def shown(self, outputs: Iterable[Output], use: str = "shown") -> None:
        """Output columns that leave the statement."""
        for one in outputs:
            self.use(use, one.origins)

    def enter(self, fields: Tree, outer: Frames) -> None:
        """The queries of a WITH; `with_queries.pop()` leaves them."""
        self.with_queries.append({})
        for one in fields.get("withClause", {}).get("ctes", ()):
            inner = one["CommonTableExpr"]
            name, names = inner.get("ctename", ""), texts(inner.get("aliascolnames"))
            query = inner.get("ctequery", {})
            first = query.get("SelectStmt", {}).get("larg")
            if first is not None:
                # a recursive query meets itself: first as its non-recursive part says
                self.with_queries[-1][name] = _renamed(self.select(first, outer), names)
            self.with_queries[-1][name] = _renamed(self.query(query, outer), names)

    def _body(self, fields: Tree, outer: Frames) -> list[Output]:
        if "larg" in fields:
            return self._set_operation(fields, outer)
        if "valuesLists" in fields:
            rows = [
                [self.value(one, outer) for one in row["List"].get("items", ())]
                for row in fields["valuesLists"]
            ]
            return [
                Output(f"column{number}", NOTHING.union(*cells))
                for number, cells in enumerate(zip(*rows, strict=False), 1)
            ]
        frame = Frame()
        frames = [frame, *outer]
        for item in fields.get("fromClause", ()):
            self.from_item(item, frame, frames)
        where = fields.get("whereClause")
        self.conditions([*frame.conditions, where], frames)
        found = [output for target in fields.get("targetList", ()) for output in self.target(target, frames)]
        self.condition(fields.get("havingClause"), frames)
        self._windows(fields.get("windowClause", ()), frames)
        self._sorted(fields.get("sortClause", ()), found, frames)
        for one in fields.get("distinctClause", ()):
            chosen = [self._item(one, found, frames)] if one else [output.origins for output in found]
            self.use("group", NOTHING.union(*chosen))
        grouped = fields.get("groupClause", ())
        for one in grouped:
            self.use("group", self._item(one, found, frames, inside_first=True))
        if grouped:
            self._group_by_key(fields, frame, frames)
        if fields.get("lockingClause"):
            for source in frame.sources:
                for target in source.targets:
                    self.meet("lock-rows", target)
        self.value(fields.get("limitCount"), outer)
        self.value(fields.get("limitOffset"), outer)
        return found

    def _set_operation(self, fields: Tree, outer: Frames) -> list[Output]:
        left, right = self.select(fields["larg"], outer), self.select(fields["rarg"], outer)
        for one, other in ((left, right), (right, left)):
            if any(output.name == ANY for output in one) and _tables(one) - _tables(other):
                self.star_columns(one)
        if len(left) == len(right):
            both = [
                Output(one.name, one.origins | other.origins) for one, other in zip(left, right, strict=True)
            ]
        else:
            together = NOTHING.union(*(one.origins for one in (*left, *right)))
            both = [Output(one.name, together) for one in left]
        if not fields.get("all"):
            self.shown(both, "group")
        self._sorted(fields.get("sortClause", ()), both, outer)
        return both

    def star_columns(self, outputs: list[Output]) -> None:
        """A star stands where the number of columns matters."""
        self.of_form(_tables(outputs), Form.IN_PLACE, "star-columns")

    def from_item(self, item: Tree, frame: Frame, frames: Frames) -> list[Source]:
        """One item of FROM, which goes into the frame."""
        ((kind, fields),) = item.items()
        match kind:
            case "RangeVar":
                added = [self._table(fields)]
            case "RangeSubselect":
                visible = frames if fields.get("lateral") else frames[1:]
                outputs = self.query(fields.get("subquery", {}), visible)
                added = [of_outputs(_alias(fields), outputs, _alias_columns(fields))]
            case "JoinExpr":
                return self._join(fields, frame, frames)
            case "RangeTableSample":
                added = self.from_item(fields["relation"], frame, frames)
                for source in added:
                    self.of_form(source.targets, Form.VIEW, "tablesample")
                return added
            case _:
                # functions, XMLTABLE, JSON_TABLE
                given = self.value({name: one for name, one in fields.items() if name != "alias"}, frames)
                self.use("shown", given)
                added = [Source(_alias(fields))]
        frame.sources += added
        return added

    def _table(self, fields: Tree) -> Source:
        name, schema = str(fields.get("relname", "")), str(fields.get("schemaname", ""))
        alias = _alias(fields) or name
        if not schema:
            for queries in reversed(self.with_queries):
                if name in queries:
                    return of_outputs(alias, queries[name], _alias_columns(fields))
        targets = self.named(fields)
        for target in targets:
            self.meet("read", target)
            if target.form is Form.VIEW and target.row_security and self.major < INVOKER_SINCE:
                self.meet("row-security", target)
        source = of_targets(alias, "" if "alias" in fields else schema, targets)
        if _alias_columns(fields):
            # which column got which name is not known
            source.columns |= dict.fromkeys(_alias_columns(fields), source.everything())
        return source

    def _join(self, fields: Tree, frame: Frame, frames: Frames) -> list[Source]:
        left = self.from_item(fields["larg"], frame, frames)
        right = self.from_item(fields["rarg"], frame, frames)
        both = [*left, *right]
        names: Iterable[str] = words(fields.get("usingClause"))
        if fields.get("isNatural"):
            # the columns of other tables are not known
            names = {name for one in both for name in one.columns}
        for name in names:
            self.use("join", NOTHING.union(*(one.columns.get(name, NOTHING) for one in both)))
        frame.conditions.append(fields.get("quals"))
        if _alias(fields):
            # the names inside cannot be used any more
            joined = of_outputs(_alias(fields), star(both), _alias_columns(fields))
            frame.sources = [one for one in frame.sources if one not in both]
            frame.sources.append(joined)
        return both

    def target(self, target: Tree, frames: Frames) -> list[Output]:
        """The outputs of one item of a SELECT list or RETURNING."""
        fields = target.get("ResTarget", {})
        value = fields.get("val", {})
        if "ColumnRef" in value:
            names = words(value["ColumnRef"].get("fields"))
            if names[-1:] == ("",):
                return star([one.source for one in meant(names, frames) if one.source is not None])
            return [Output(fields.get("name") or names[-1], self.value(value, frames))]
        return [Output(fields.get("name") or _function_name(value), self.value(value, frames))]

    def conditions(self, conditions: Iterable[Any], frames: Frames) -> None:
        """WHERE and ON; which rows they pin counts for all of them."""
        parts = [part for one in conditions for part in conjuncts(one)]
        for source in frames[0].sources:
            source.pinned = bool(source.targets) and all(
                target.keys and all(self._gives(parts, source, key, frames) for key in target.keys)
                for target in source.targets
            )
        for part in parts:
            self.condition(part, frames)

    def _gives(self, parts: list[Any], source: Source, key: str, frames: Frames) -> bool:
        """Whether a condition gives the key a value from outside of the query."""
        for part in parts:
            fields = part.get("A_Expr", {}) if isinstance(part, dict) else {}
            if words(fields.get("name")) != ("=",) or fields.get("kind") not in _GIVING:
                continue
            for one, other in (
                (fields.get("lexpr"), fields.get("rexpr")),
                (fields.get("rexpr"), fields.get("lexpr")),
            ):
                names = (
                    words(one["ColumnRef"].get("fields"))
                    if isinstance(one, dict) and "ColumnRef" in one
                    else ()
                )
                if names[-1:] == (key,) and any(found.source is source for found in meant(names, frames)):
                    within = set(frames[0].sources) | {None}
                    if within.isdisjoint(self.sources(other, frames)) and "SubLink" not in (other or {}):
                        return True
        return False

    def condition(self, node: Any, frames: Frames) -> None:
        """What a condition does with encrypted values."""
        if not isinstance(node, dict) or not node:
            return
        ((kind, fields),) = node.items()
        if kind == "BoolExpr":
            for one in fields.get("args", ()):
                self.condition(one, frames)
        elif kind == "A_Expr":
            left, right = fields.get("lexpr"), fields.get("rexpr")
            origins = self.value(left, frames) | self.value(right, frames)
            ours, others = self.sources(left, frames), self.sources(right, frames)
            if origins and ours and others and ours != others:
                self.use("join", origins)
            elif fields.get("kind") in _PATTERN_KINDS or _operator(fields) in _PATTERNS:
                self.use("pattern", origins)
            else:
                self.use("scan", origins)
        elif kind == "CurrentOfExpr":
            for source in frames[0].sources[:1]:
                self.of_form(source.targets, Form.VIEW, "cursor-where-current-of")
        else:
            self.use("scan", self.value(node, frames))

    def sources(self, node: Any, frames: Frames) -> set[Source | None]:
        """What of FROM an expression names; None for names of which it is not known."""
        found: set[Source | None] = set()
        todo = [node]
        while todo:
            here = todo.pop()
            if isinstance(here, list):
                todo.extend(here)
            elif isinstance(here, dict):
                if "ColumnRef" in here:
                    found |= {one.source for one in meant(words(here["ColumnRef"].get("fields")), frames)}
                elif "SelectStmt" not in here:
                    todo.extend(here.values())
        return found

    def value(self, node: Any, frames: Frames) -> Origins:
        """The encrypted values that an expression, or a list of them, is made of."""
        if isinstance(node, list):
            return NOTHING.union(*(self.value(one, frames) for one in node))
        if not isinstance(node, dict):
            return NOTHING
        found = NOTHING
        for kind, fields in node.items():
            found |= self._node(kind, fields, frames)
        return found

    def _node(self, kind: str, fields: Any, frames: Frames) -> Origins:
        match kind:
            case "ColumnRef":
                return self._column(words(fields.get("fields")), frames)
            case "FuncCall":
                return self._call(fields, frames)
            case "SubLink":
                return self._sublink(fields, frames)
            case "SelectStmt":
                return NOTHING.union(*(one.origins for one in self.select(fields, frames)))
            case "TypeCast":
                self._cast(fields)
                return self.value(fields.get("arg"), frames)
            case "WindowDef":
                self._windows([{kind: fields}], frames)
                return NOTHING
        return self.value(fields, frames)

    def _column(self, names: tuple[str, ...], frames: Frames) -> Origins:
        found = meant(names, frames)
        if names[-1:] and names[-1] in _SYSTEM_COLUMNS:
            for one in found:
                if one.source is not None:
                    self.of_form(one.source.targets, Form.VIEW, "system-columns")
        return NOTHING.union(*(one.origins for one in found))

    def _call(self, fields: Tree, frames: Frames) -> Origins:
        call = called(fields)
        given = [*call.arguments, *call.named.values()]
        self._row_types(call, given, frames)
        self.condition(fields.get("agg_filter"), frames)
        if "over" in fields:
            self._windows([{"WindowDef": fields["over"]}], frames)
        self._sorted(fields.get("agg_order", ()), [], frames)
        if call.name == "count" and not fields.get("agg_distinct") and self._rows(given, frames):
            return NOTHING
        found = self.value(given, frames)
        if is_aggregate(call, fields):
            self.use("group" if fields.get("agg_distinct") else "aggregate", found)
        return found

    def _rows(self, arguments: list[Any], frames: Frames) -> list[Source]:
        """The whole rows among the arguments of a call."""
        return [
            one.source
            for argument in arguments
            if isinstance(argument, dict) and "ColumnRef" in argument
            for one in meant(words(argument["ColumnRef"].get("fields")), frames)
            if one.source is not None and not one.name
        ]

    def _row_types(self, call: Called, given: list[Any], frames: Frames) -> None:
        if call.name in _ANY_ROW:
            return
        for source in self._rows(given, frames):
            self.of_form(source.targets, Form.VIEW, "row-type")
        for one in given:
            if isinstance(one, dict) and "TypeCast" in one:
                names = words(one["TypeCast"].get("typeName", {}).get("names"))
                self.of_form(self._typed(names), Form.VIEW, "row-type")

    def _cast(self, fields: Tree) -> None:
        if "RowExpr" in fields.get("arg", {}):
            names = words(fields.get("typeName", {}).get("names"))
            self.of_form(self._typed(names), Form.IN_PLACE, "row-type")

    def _typed(self, names: tuple[str, ...]) -> tuple[Target, ...]:
        return self.table(names[-2] if len(names) > 1 else "", names[-1]) if names else ()

    def _sublink(self, fields: Tree, frames: Frames) -> Origins:
        outputs = self.query(fields.get("subselect", {}), frames)
        given = NOTHING.union(*(one.origins for one in outputs))
        match fields.get("subLinkType"):
            case "EXISTS_SUBLINK":
                return NOTHING
            case "ANY_SUBLINK" | "ALL_SUBLINK":
                self.use("join", self.value(fields.get("testexpr"), frames) | given)
                return NOTHING
        return given

    def _item(
        self, node: Any, outputs: list[Output], frames: Frames, *, inside_first: bool = False
    ) -> Origins:
        """What an item of ORDER BY, GROUP BY or DISTINCT ON stands for: an output's name or number, or an
        expression; in GROUP BY a column of FROM goes before an output."""
        if "A_Const" in node:
            number = node["A_Const"].get("ival", {}).get("ival", 0)
            is_known = 0 < number <= len(outputs) and not any(one.name == ANY for one in outputs)
            return (
                outputs[number - 1].origins if is_known else NOTHING.union(*(one.origins for one in outputs))
            )
        names = words(node["ColumnRef"].get("fields")) if "ColumnRef" in node else ()
        if len(names) == 1:
            inside = self.value(node, frames)
            same = [one.origins for one in outputs if one.name == names[0]]
            return inside if not same or (inside_first and inside) else NOTHING.union(*same)
        return self.value(node, frames)

    def _sorted(self, items: Iterable[Tree], outputs: list[Output], frames: Frames) -> None:
        for one in items:
            self.use("sort", self._item(one.get("SortBy", {}).get("node", {}), outputs, frames))

    def _windows(self, windows: Iterable[Tree], frames: Frames) -> None:
        for one in windows:
            fields = one.get("WindowDef", {})
            self.use("group", self.value(fields.get("partitionClause"), frames))
            self._sorted(fields.get("orderClause", ()), [], frames)
            self.value([fields.get("startOffset"), fields.get("endOffset")], frames)

    def _group_by_key(self, fields: Tree, frame: Frame, frames: Frames) -> None:
        """GROUP BY id with other columns shown, which takes a primary key (manual, 7.2.3)."""
        grouped = [_plain(one) for one in fields["groupClause"]]
        for source in frame.sources:
            for target in source.targets:
                keys = {
                    found.name
                    for one in fields["groupClause"]
                    if "ColumnRef" in one
                    for found in meant(words(one["ColumnRef"].get("fields")), frames)
                    if found.source is source or (found.source is None and found.name in target.keys)
                }
                if target.form is not Form.VIEW or not target.keys or not keys.issuperset(target.keys):
                    continue
                shown = [fields.get(name) for name in ("targetList", "havingClause", "sortClause")]
                for one in _ungrouped(shown, grouped):
                    found = meant(words(one.get("fields")), frames)
                    if any(it.source in (source, None) and it.name not in keys for it in found):
                        self.meet("group-by-primary-key", target)


def is_aggregate(call: Called, fields: Tree) -> bool:
    """Whether a call makes one value of many rows."""
    return call.name in _aggregates() and "over" not in fields


def conjuncts(node: Any) -> Iterator[Any]:
    """The parts of a condition that all have to hold."""
    fields = node.get("BoolExpr", {}) if isinstance(node, dict) else {}
    if fields.get("boolop") == "AND_EXPR":
        for one in fields.get("args", ()):
            yield from conjuncts(one)
    elif node is not None:
        yield node


def texts(nodes: Any) -> list[str]:
    """The words of a list of names."""
    return [one["String"].get("sval", "") for one in nodes or () if "String" in one]


def _tables(outputs: list[Output]) -> set[Target]:
    return {origin.target for one in outputs for origin in one.origins}


def _operator(fields: Tree) -> str:
    return (words(fields.get("name")) or ("",))[-1]


def _ungrouped(node: Any, grouped: list[Any]) -> Iterator[Tree]:
    """The columns outside of aggregates, inner queries and the expressions that are grouped by."""
    if isinstance(node, list):
        for one in node:
            yield from _ungrouped(one, grouped)
    elif isinstance(node, dict):
        if _plain(node) in grouped or "SubLink" in node:
            return
        for kind, fields in node.items():
            if kind == "ColumnRef":
                yield fields
            elif kind != "FuncCall" or not is_aggregate(called(fields), fields):
                yield from _ungrouped(fields, grouped)


def _plain(node: Any) -> Any:
    """A tree without the places in the text."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if isinstance(node, dict):
        return {name: _plain(one) for name, one in node.items() if name != "location"}
    return node


def _alias(fields: Tree) -> str:
    return str(fields.get("alias", {}).get("aliasname", ""))


def _alias_columns(fields: Tree) -> list[str]:
    return texts(fields.get("alias", {}).get("colnames"))


def _renamed(outputs: list[Output], names: list[str]) -> list[Output]:
    if names and any(one.name == ANY for one in outputs):
        together = NOTHING.union(*(one.origins for one in outputs))
        return [Output(name, together) for name in names]
    return [
        one._replace(name=names[number]) if number < len(names) else one for number, one in enumerate(outputs)
    ]


def _function_name(value: Tree) -> str:
    return called(value["FuncCall"]).name if "FuncCall" in value else "?column?"
