"""Where the text of an expression comes from: which parts of it somebody else may have written, unquoted.

Quoting (quote_ident, quote_literal, format's %I and %L), types that hold no SQL (numbers, dates, regclass)
and values from a fixed list end a taint; everything that passes text on, passes it on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.references import relations_named
from pgguard.analysis.spelled import PLACE
from pgguard.analysis.sqltree import HIDDEN, called, constant, literal, operands, type_name, walk, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pgguard.analysis.sqltree import Called, Constant, Tree
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot


class Source(NamedTuple):
    """Where a text comes from. kind: argument (of the function), row (what somebody writes to a trigger's
    table), setting (current_setting), column (of a table: `oid` and `number`), catalog (names of objects)."""

    kind: str
    name: str
    oid: int = 0
    number: int = 0


Taint = frozenset[Source]
CLEAN: Taint = frozenset()
Environment = dict[str, Taint]

_SAFE_TYPES = frozenset({
    "smallint", "integer", "bigint", "int", "int2", "int4", "int8", "smallserial", "serial", "bigserial",
    "numeric", "decimal", "real", "float4", "float8", "double precision", "money", "boolean", "bool", "oid",
    "date", "time", "timetz", "timestamp", "timestamptz", "interval", "uuid", "inet", "cidr", "macaddr",
    "macaddr8", "regclass", "regproc", "regprocedure", "regtype", "regrole", "regnamespace", "regoper",
    "regoperator", "regconfig", "regdictionary", "bit", "varbit", "int4range", "int8range", "numrange",
    "tsrange", "tstzrange", "daterange", "point", "box", "xid", "cid", "tid", "pg_lsn", "void", "tsvector",
})  # fmt: skip
# functions of the system whose value is no text that a caller chooses
_CLEAN_FUNCTIONS = frozenset({
    "quote_ident", "quote_literal", "quote_nullable", "to_regclass", "to_regproc", "to_regprocedure",
    "to_regtype", "to_regrole", "to_regnamespace", "md5", "sha224", "sha256", "sha384", "sha512", "encode",
    "digest", "hmac", "hashtext", "length", "char_length", "character_length", "octet_length", "bit_length",
    "count", "sum", "avg", "position", "strpos", "ascii", "to_number", "to_date", "to_timestamp",
    "date_trunc",
    "date_part", "extract", "age", "now", "clock_timestamp", "nextval", "currval", "lastval", "setval",
    "array_length", "array_upper", "array_lower", "cardinality", "array_position", "pg_typeof", "row_number",
    "rank", "gen_random_uuid", "uuid_generate_v4", "txid_current", "generate_series", "abs", "round", "ceil",
    "floor", "trunc", "mod", "power", "sqrt", "random", "bool_and", "bool_or", "every", "to_char", "to_hex",
    "jsonb_typeof", "json_typeof", "jsonb_array_length", "json_array_length", "pg_backend_pid", "format_type",
    "pg_get_userbyid", "pg_get_viewdef", "pg_get_functiondef", "pg_get_indexdef", "pg_get_constraintdef",
    "pg_get_expr", "pg_size_pretty", "pg_relation_size", "pg_total_relation_size", "has_table_privilege",
    "has_schema_privilege", "has_function_privilege", "has_column_privilege", "pg_has_role", "gen_salt",
    "gen_random_bytes", "crypt", "pgp_sym_encrypt", "similarity", "starts_with", "current_database",
    "version",
    "array_ndims", "obj_description", "col_description", "timezone", "make_date", "make_interval",
    "statement_timestamp", "transaction_timestamp", "pg_advisory_lock", "pg_try_advisory_lock", "isfinite",
})  # fmt: skip
_SYSTEM = frozenset({"pg_catalog", "information_schema"})
# letters, digits and _ alone, from the beginning to the end; a - that stands for itself begins comments
_LETTERS = r"(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_])+"
PLAIN_WORD = re.compile(rf"\^(?:\[{_LETTERS}\](?:[+*?]|\{{\d+(?:,\d*)?\}})?)+\$\Z")
_NOT_PLAIN = re.compile(rf"\[\^{_LETTERS}\]\+?\Z")
_FIXED_SETTINGS = frozenset(
    {"server_version", "server_version_num", "is_superuser", "data_directory", "port"}
)


def is_safe(type_: str) -> bool:
    """Whether no value of a type can be SQL: its name as format_type or as somebody wrote it."""
    base = type_.lower().removeprefix("pg_catalog.").removeprefix("_").removesuffix("[]")
    base = base.partition("(")[0].strip()
    return base in _SAFE_TYPES or base.startswith(("timestamp ", "time ", "interval ", "bit "))


def safe_types(database: DatabaseSnapshot) -> frozenset[str]:
    """The enumerations of a database and its domains over types that hold no SQL, with their schema and
    without."""
    known: frozenset[str] | None = database._memo.get("safe types")
    if known is None:
        names = {
            one.text
            for one in database.definitions
            if one.kind == "type" and (one.catalog == "enum" or is_safe(one.catalog))
        }
        known = frozenset(names | {name.rpartition(".")[2] for name in names})
        database._memo["safe types"] = known
    return known


class Expressions:
    """The taints of expressions.

    `environment` holds those of the variables, `rows` the tables whose rows record variables hold,
    `last_found` what is known of variables when FOUND is true. `function` is asked about the functions
    of the database; `constants` are variables whose text is known, `settings` parameters that are fixed.
    """

    def __init__(
        self,
        database: DatabaseSnapshot,
        search_path: tuple[str, ...] | None,
        settings: frozenset[str],
        constants: Mapping[str, Constant],
        function: Callable[[Called, tuple[Taint, ...]], Taint | None],
    ) -> None:
        self.database = database
        self.search_path = search_path
        self.settings = settings
        self.constants = constants
        self.function = function
        self.environment: Environment = {}
        self.rows: dict[str, tuple[Relation, str]] = {}
        self.last_found: Environment = {}

    def of(self, node: Any, tables: Mapping[str, list[Tree]] | None = None) -> Taint:
        """Where the text of an expression comes from; `tables` are those of the query around it, by alias."""
        tables = tables or {}
        if isinstance(node, list):
            return self._union(node, tables)
        if not isinstance(node, dict) or len(node) != 1:
            return CLEAN
        ((kind, fields),) = node.items()
        match kind:
            case (
                "A_Const"
                | "SQLValueFunction"
                | "BoolExpr"
                | "NullTest"
                | "BooleanTest"
                | "Number"
                | "Fetched"
            ):
                return CLEAN
            case "ColumnRef":
                return self._column(words(fields.get("fields")), tables)
            case "ParamRef":
                return self.environment.get(f"${fields.get('number', 0)}", CLEAN)
            case "TypeCast":
                safe = self.is_safe(type_name(fields.get("typeName", {})))
                return CLEAN if safe else self.of(fields.get("arg"), tables)
            case "A_Expr":
                return self._operation(node, fields, tables)
            case "FuncCall":
                return self._call(fields, tables)
            case "CaseExpr":
                return self._case(fields, tables)
            case "SubLink":
                is_value = fields.get("subLinkType") in ("EXPR_SUBLINK", "ARRAY_SUBLINK")
                return self._union(self.outputs(fields.get("subselect"))[:1]) if is_value else CLEAN
        return self._union([fields.get(one) for one in ("arg", "args", "elements") if one in fields], tables)

    def outputs(self, tree: Any) -> list[Taint]:
        """The taints of the columns of a query, in order."""
        return [taint for _, taint in self.named_outputs(tree)]

    def named_outputs(self, tree: Any) -> list[tuple[str, Taint]]:
        """The columns of a query with their taints; a star has an empty name."""
        fields = tree.get("SelectStmt", tree) if isinstance(tree, dict) else {}
        for kind in ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"):
            if kind in fields:
                inner = fields[kind]
                tables = self._tables([{"RangeVar": inner.get("relation", {})}])
                return self._targets(inner.get("returningClause", {}).get("exprs", ()), tables)
        if "larg" in fields:
            sides = (self.named_outputs(fields["larg"]), self.named_outputs(fields["rarg"]))
            return [(one[0], one[1] | other[1]) for one, other in zip(*sides, strict=False)]
        if "valuesLists" in fields:
            rows = [one.get("List", {}).get("items", ()) for one in fields["valuesLists"]]
            return [("", self._union(list(column))) for column in zip(*rows, strict=False)]
        tables = self._tables(fields.get("fromClause", ()), fields.get("withClause"))
        return self._targets(fields.get("targetList", ()), tables)

    def star(self, tree: Any) -> list[Relation]:
        """The tables whose rows `SELECT *` of a query gives."""
        fields = tree.get("SelectStmt", {}) if isinstance(tree, dict) else {}
        stars = [one for one in fields.get("targetList", ()) if _is_star(one)]
        tables = self._tables(fields.get("fromClause", ())).values() if stars else ()
        return [one for some in tables for fields in some for one in self._relations(fields)]

    def is_safe(self, type_: str) -> bool:
        """Whether no value of a type can be SQL, by its name; enumerations of the database among them."""
        return is_safe(type_) or type_.removesuffix("[]") in safe_types(self.database)

    def column_taint(self, relation: Relation, name: str, kind: str = "column") -> Taint:
        """The taint of a column of a table; none where its type holds no SQL."""
        column = catalog.column_named(self.database, relation.oid, name)
        if column is None or self.is_safe(column.type):
            return CLEAN
        return frozenset(
            {Source(kind, f"{relation.schema}.{relation.name}.{name}", relation.oid, column.number)}
        )

    def _targets(self, targets: Any, tables: Mapping[str, list[Tree]]) -> list[tuple[str, Taint]]:
        found = []
        for one in targets:
            target = one.get("ResTarget", {})
            value = target.get("val", {})
            last = words(value.get("ColumnRef", {}).get("fields"))[-1:] or ("",)
            found.append((target.get("name") or last[0], self.of(value, tables)))
        return found

    def _union(self, nodes: list[Any], tables: Mapping[str, list[Tree]] | None = None) -> Taint:
        found: Taint = CLEAN
        for one in nodes:
            found |= one if isinstance(one, frozenset) else self.of(one, tables)
        return found

    def _column(self, name: tuple[str, ...], tables: Mapping[str, list[Tree]]) -> Taint:
        full = ".".join(name)
        if full in self.environment:
            return self.environment[full]
        if len(name) > 1 and name[0] in self.rows and name[0] not in tables:
            relation, kind = self.rows[name[0]]
            return self.column_taint(relation, name[1], kind)
        if name[0] in self.environment and name[0] not in tables:
            return self.environment[name[0]]
        # function.argument
        if len(name) == 2 and name[1] in self.environment and name[0] not in tables:
            return self.environment[name[1]]
        found: Taint = CLEAN
        for alias, some in tables.items():
            if len(name) == 1 or name[-2] == alias:
                for table in some:
                    found |= self._of_table(table, name[-1])
        return found

    def _of_table(self, table: Tree, name: str) -> Taint:
        if "query" in table:
            return self._union(
                [one for column, one in self.named_outputs(table["query"]) if column in (name, "")]
            )
        if "function" in table:
            return self.of(table["function"])
        if _is_system(table):
            return frozenset({Source("catalog", f"{table.get('relname', '')}.{name}")})
        found: Taint = CLEAN
        for relation in self._relations(table):
            columns = catalog.columns(self.database, relation.oid)
            for one in [column.name for column in columns] if name == "" else [name]:
                found |= self.column_taint(relation, one)
        return found

    def _relations(self, table: Tree) -> list[Relation]:
        if "relname" not in table:
            return []
        return relations_named(self.database, table.get("schemaname", ""), table["relname"], self.search_path)

    def _tables(self, clause: Any, with_: Tree | None = None) -> dict[str, list[Tree]]:
        """The tables of a FROM clause by alias; inner queries and functions as their trees."""
        inner = {}
        for one in (with_ or {}).get("ctes", ()):
            expression = one.get("CommonTableExpr", {})
            inner[expression.get("ctename")] = expression.get("ctequery")
        found: dict[str, list[Tree]] = {}
        for kind, fields in _joined(clause):
            alias = fields.get("alias", {}).get("aliasname", fields.get("relname", ""))
            if kind == "RangeVar":
                name = fields.get("relname")
                found.setdefault(alias, []).append({"query": inner[name]} if name in inner else fields)
            elif kind == "RangeSubselect":
                found.setdefault(alias, []).append({"query": fields.get("subquery")})
            elif kind == "RangeFunction":
                calls = [one for some in fields.get("functions", ()) for one in some["List"]["items"] if one]
                found.setdefault(alias, []).append({"function": calls})
        return found

    def _operation(self, node: Any, fields: Tree, tables: Mapping[str, list[Tree]]) -> Taint:
        name = words(fields.get("name"))[-1:]
        if fields.get("kind") == "AEXPR_NULLIF":
            return self.of(fields.get("lexpr"), tables)
        if name == ("||",):
            return self._union(operands(node), tables)
        # a part of a document
        if name in (("->>",), ("#>>",), ("->",), ("#>",)):
            return self.of(fields.get("lexpr"), tables)
        return CLEAN

    def _case(self, fields: Tree, tables: Mapping[str, list[Tree]]) -> Taint:
        found = self.of(fields.get("defresult"), tables)
        for one in fields.get("args", ()):
            when = one.get("CaseWhen", {})
            around = self.environment
            if "arg" not in fields:
                self.environment = {**around, **self.narrowed(when.get("expr"), holds=True)}
            found |= self.of(when.get("result"), tables)
            self.environment = around
        return found

    def narrowed(self, condition: Any, *, holds: bool) -> Environment:
        """What is known of variables where a condition holds, or where it does not: CASE narrows by it."""
        return {}

    def _call(self, fields: Tree, tables: Mapping[str, list[Tree]]) -> Taint:
        call = called(fields)
        given = tuple(self.of(one, tables) for one in call.arguments)
        by_name = {name: self.of(one, tables) for name, one in call.named.items()}
        own = self.function(call, (*given, *by_name.values()))
        if own is not None:
            return own
        if call.name == "current_setting":
            return self._setting(call)
        if call.name == "format" and not fields.get("func_variadic"):
            return self._format(call, given)
        if call.name == "regexp_replace" and self._drops_specials(call):
            return CLEAN
        if call.name in _CLEAN_FUNCTIONS:
            return CLEAN
        return self._union([*given, *by_name.values()])

    def _setting(self, call: Called) -> Taint:
        name = self._text(call.arguments[0]) if call.arguments else None
        if name is not None and (name in self.settings or name in _FIXED_SETTINGS):
            return CLEAN
        shown = name if name and not name.startswith(HIDDEN) else "a parameter"
        return frozenset({Source("setting", shown)})

    def _format(self, call: Called, given: tuple[Taint, ...]) -> Taint:
        template = self._text(call.arguments[0]) if call.arguments else None
        if template is None:
            # which places it has is not known
            return self._union(list(given))
        found: Taint = CLEAN
        place = 0
        for one in PLACE.finditer(template):
            if one[2] is None:
                continue
            place = int(one[1]) if one[1] else place + 1
            if one[2] == "s" and place < len(given):
                found |= given[place]
        return found

    def _drops_specials(self, call: Called) -> bool:
        pattern, new = (self._text(one) for one in (*call.arguments, None, None)[1:3])
        flags = self._text(call.arguments[3]) if len(call.arguments) > 3 else ""
        return bool(pattern and _NOT_PLAIN.match(pattern) and new in ("", "_") and flags and "g" in flags)

    def _text(self, node: Any) -> str | None:
        found = constant(node, lambda name: self.constants.get(name[-1]))
        return found.text if found is not None else None


def constants_only(nodes: Any) -> bool:
    """Whether all of some expressions are constants."""
    found = list(nodes)
    return bool(found) and all(
        constant(one) is not None or literal(one.get("A_Const", {"ival": {}})) is None for one in found
    )


def _is_star(target: Tree) -> bool:
    return words(target.get("ResTarget", {}).get("val", {}).get("ColumnRef", {}).get("fields"))[-1:] == ("",)


def _is_system(table: Tree) -> bool:
    schema = table.get("schemaname", "")
    return schema in _SYSTEM or (not schema and str(table.get("relname", "")).startswith("pg_"))


def _joined(clause: Any) -> Iterator[tuple[str, Tree]]:
    """The tables of a FROM clause, those inside of joins too, but not those of inner queries."""
    todo = list(clause)
    while todo:
        one = todo.pop()
        if not isinstance(one, dict):
            continue
        for kind, fields in one.items():
            if kind == "JoinExpr":
                todo.extend((fields.get("larg"), fields.get("rarg")))
            else:
                yield kind, fields


def calls_of(tree: Any) -> Iterator[Tree]:
    """The function calls of a tree as nodes."""
    for kind, fields in walk(tree):
        if kind == "FuncCall":
            yield fields
        elif kind == "CallStmt" and "funccall" in fields:
            yield fields["funccall"]
