"""Statements one by one: what each kind of command takes beside queries (manual, Part VI, SQL Commands)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pgguard.analysis import catalog, expression, plpgsql
from pgguard.analysis.expression import Unparsable, statements
from pgguard.analysis.plpgsql_source import sources
from pgguard.analysis.spelled import spelled
from pgguard.analysis.sqltree import called, walk, words
from pgguard.analysis.usage import calls as functions
from pgguard.analysis.usage import implied, writing
from pgguard.analysis.usage.reader import Reader, statements_in
from pgguard.analysis.views import is_invoker
from pgguard.model.quote import ident
from pgguard.model.rows import Function
from pgguard.model.usage import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.sqltree import Tree
    from pgguard.analysis.usage.place import As
    from pgguard.model.rows import Relation

_QUERIES = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})
# commands with a query in them that is run, or checked as if it were
_WRAPPED = {
    "ExplainStmt": "query", "PrepareStmt": "query", "DeclareCursorStmt": "query",
    "CreateTableAsStmt": "query",
}  # fmt: skip
# no object that one is granted anything on
_NOTHING = frozenset({
    "TransactionStmt", "VariableSetStmt", "VariableShowStmt", "DeallocateStmt", "DiscardStmt", "FetchStmt",
    "ClosePortalStmt", "ListenStmt", "UnlistenStmt", "NotifyStmt", "ConstraintsSetStmt", "CheckPointStmt",
    "LoadStmt",
})  # fmt: skip
_LOCKS = {1: "LOCK ACCESS SHARE", 2: "LOCK ROW SHARE", 3: "LOCK ROW EXCLUSIVE"}
# what MAINTAIN allows from 17 on; before, only owners
_MAINTENANCE = frozenset({"VacuumStmt", "RefreshMatViewStmt", "ReindexStmt", "ClusterStmt"})
_CREATES = frozenset({
    "CreateStmt", "CreateTableAsStmt", "ViewStmt", "CreateSeqStmt", "CompositeTypeStmt", "CreateFunctionStmt",
    "CreateDomainStmt", "CreateEnumStmt", "CreateRangeStmt", "DefineStmt",
})  # fmt: skip
_NAMES = {"CreateFunctionStmt": "funcname", "CreateDomainStmt": "domainname", "DefineStmt": "defnames"}
_MAINTAIN_SINCE = 17
# before this version LOCK and TRUNCATE ask for the privilege on every partition and child, too
_PARENTS_DO_SINCE = 13


def command(reader: Reader, tree: Tree) -> None:
    """What one statement takes."""
    ((kind, fields),) = tree.items()
    if kind in _QUERIES:
        reader.query(tree, [])
        if "intoClause" in fields:
            _create(reader, kind, fields["intoClause"])
    elif kind in _WRAPPED:
        inner = fields.get(_WRAPPED[kind], {})
        if kind == "CreateTableAsStmt":
            _create(reader, kind, fields.get("into", {}))
        if inner:
            command(reader, inner)
    elif kind in _NOTHING:
        return
    else:
        _other(reader, kind, fields)


def _other(reader: Reader, kind: str, fields: Tree) -> None:
    match kind:
        case "CopyStmt":
            writing.copy(reader, fields)
        case "TruncateStmt":
            _truncate(reader, fields)
        case "LockStmt":
            operation = _LOCKS.get(fields.get("mode", 0), "LOCK")
            for one in _relations(reader, fields.get("relations", ())):
                _lock(reader, reader.who, one, operation)
        case "CallStmt":
            reader.value({"FuncCall": fields.get("funccall", {})}, [])
        case "DoStmt":
            _do(reader, fields)
        case "ExecuteStmt":
            reader.value(fields.get("params"), [])
            reader.place.gap(
                reader.who.checked, "it executes a prepared statement that the log does not show"
            )
        case _ if kind in _MAINTENANCE:
            _maintain(reader, kind, fields)
        case _:
            _define(reader, kind, fields)


def _truncate(reader: Reader, fields: Tree) -> None:
    found = _relations(reader, fields.get("relations", ()))
    if fields.get("behavior") == "DROP_CASCADE":
        found = list(_referencing(reader, found))
    if reader.place.snapshot.major < _PARENTS_DO_SINCE:
        found = [relation for one in found for relation in implied.family(reader, one)]
    for one in found:
        reader.place.on(reader.who, one, "TRUNCATE")
        if fields.get("restart_seqs"):
            # only the owner of its sequences restarts them
            reader.place.on(reader.who, one, "OWNER")
        implied.write(reader, one, "TRUNCATE", ())


def _referencing(reader: Reader, relations: list[Relation]) -> Iterator[Relation]:
    """Tables with all that refer to them, directly or not."""
    known = catalog.relations(reader.place.database)
    seen: dict[int, Relation] = {}
    todo = list(relations)
    while todo:
        here = todo.pop()
        if here.oid in seen:
            continue
        seen[here.oid] = here
        for one in reader.place.database.constraints:
            if one.kind == "f" and one.references == here.oid and one.relation in known:
                todo.append(known[one.relation])
    yield from seen.values()


def _lock(reader: Reader, who: As, relation: Relation, operation: str) -> None:
    place = reader.place
    place.on(who, relation, operation, WHOLE)
    if relation.kind == "v":
        # what a view reads is locked with its owner's rights
        inner = who._replace(checked=who.user if is_invoker(relation) else relation.owner, named=False)
        known = catalog.relations(place.database)
        for oid in dict.fromkeys(one.relation for one in catalog.uses(place.database, relation.oid)):
            if oid in known and oid != relation.oid:
                _lock(reader, inner, known[oid], operation)
    elif place.snapshot.major < _PARENTS_DO_SINCE:
        for child in catalog.children(place.database, relation.oid):
            _lock(reader, who, child, operation)


def _maintain(reader: Reader, kind: str, fields: Tree) -> None:
    named = [fields["relation"]] if "relation" in fields else []
    named += [one["VacuumRelation"].get("relation", {}) for one in fields.get("rels", ())]
    operation = "MAINTAIN" if reader.place.snapshot.major >= _MAINTAIN_SINCE else "OWNER"
    for one in named:
        relation = reader.place.relation(reader.who, one)
        if relation is not None:
            reader.place.on(reader.who, relation, operation)
            if kind == "RefreshMatViewStmt":
                implied.refresh(reader, relation)


def _do(reader: Reader, fields: Tree) -> None:
    options = {one["DefElem"].get("defname"): one["DefElem"].get("arg", {}) for one in fields.get("args", ())}
    text = options.get("as", {}).get("String", {}).get("sval", "")
    language = options.get("language", {}).get("String", {}).get("sval", "plpgsql")
    try:
        program = _program(text) if language == "plpgsql" else None
    except (Unparsable, RecursionError):
        program = None
    if program is None:
        reader.place.gap(reader.who.checked, "it holds a DO block that could not be read")
        return
    inner = Reader(reader.place, reader.who._replace(variables=True))
    statements_in(inner, (one.default for one in program.variables if one.default is not None))
    statements_in(inner, plpgsql.trees(program.steps))
    for step in plpgsql.executed(program.steps):
        sql = spelled(step.text)
        try:
            trees = statements(sql.text) if sql.complete else None
        except Unparsable:
            trees = None
        if trees is None:
            reader.place.gap(reader.who.checked, "it runs SQL that it builds")
        statements_in(inner, iter(trees or ()))


def _program(text: str) -> plpgsql.Program | None:
    block = Function(
        0, "pg_temp", "block", "", (), "void", "f", "", "plpgsql", False, False, "v", (), "", "", False, ()
    )
    for source in sources(block, text):
        found = expression.plpgsql(source)
        if found is not None:
            return plpgsql.program(found)
    return None


def _define(reader: Reader, kind: str, fields: Tree) -> None:
    """DDL: CREATE on a schema, REFERENCES, TRIGGER; the rest is for owners."""
    place, who = reader.place, reader.who
    if kind in _CREATES:
        _create(reader, kind, fields)
        if kind == "ViewStmt":
            _looked_up(reader, fields.get("query", {}))
    elif kind == "CreateSchemaStmt":
        place.need(who.user, "database", ident(place.database.name), "CREATE")
    elif kind == "CreateTrigStmt":
        for one in _relations(reader, [{"RangeVar": fields.get("relation", {})}]):
            place.on(who, one, "TRIGGER")
        functions.call(reader, called({"funcname": fields.get("funcname", [])}), [])
    else:
        named = [{"RangeVar": fields["relation"]}] if isinstance(fields.get("relation"), dict) else []
        if kind == "DropStmt":
            objects = [words(one.get("List", {}).get("items")) for one in fields.get("objects", ())]
            named += [_range(one) for one in objects if fields.get("removeType", "") in _RELATIONS]
        for relation in _relations(reader, named):
            place.on(who, relation, "OWNER")
    for node, inner in walk({kind: fields}):
        if node == "Constraint" and "pktable" in inner:
            _references(reader, inner)
        elif node == "TableLikeClause":
            for one in _relations(reader, [{"RangeVar": inner.get("relation", {})}]):
                place.on(who, one, "SELECT", WHOLE)


def _looked_up(reader: Reader, query: Tree) -> None:
    """A view's query is not run when it is made, only its names are looked up."""
    place = reader.place
    apart = replace(place, needs=set(), gaps=set(), seen=set())
    Reader(apart, reader.who).query(query, [])
    place.needs |= {one for one in apart.needs if one.kind == "schema"}


_RELATIONS = frozenset(
    {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"}
)


def _range(names: tuple[str, ...]) -> Tree:
    return {"RangeVar": {"schemaname": names[-2] if len(names) > 1 else "", "relname": names[-1]}}


def _create(reader: Reader, kind: str, fields: Tree) -> None:
    """CREATE on the schema of a new object, TEMPORARY on the database for a temporary one."""
    place, who = reader.place, reader.who
    made: Any = fields.get("relation", fields.get("rel", fields.get("view", fields.get("sequence"))))
    made = fields.get("typevar", made)
    if isinstance(made, dict):
        schema, is_temporary = str(made.get("schemaname", "")), made.get("relpersistence") == "t"
    else:
        names = words(fields.get(_NAMES.get(kind, "typeName")))
        schema, is_temporary = names[-2] if len(names) > 1 else "", False
    if is_temporary or schema.startswith("pg_temp"):
        place.need(who.user, "database", ident(place.database.name), "TEMPORARY")
        return
    there = [one.name for one in place.database.schemas]
    if not schema:
        # a schema that one may not use is passed over
        schema = next((one for one in who.path if one in there), "")
        place.schema(who, schema)
    place.schema(who, schema, "CREATE")


def _references(reader: Reader, fields: Tree) -> None:
    """REFERENCES on the columns that a foreign key refers to."""
    for one in _relations(reader, [{"RangeVar": fields["pktable"]}]):
        database = reader.place.database
        names = list(words(fields.get("pk_attrs")))
        if not names:
            keys = [c.columns for c in database.constraints if c.relation == one.oid and c.kind == "p"]
            numbers = keys[0] if keys else ()
            names = [c.name for c in catalog.columns(database, one.oid) if c.number in numbers]
        for name in names or [WHOLE]:
            reader.place.on(reader.who, one, "REFERENCES", name)


def _relations(reader: Reader, named: Any) -> list[Relation]:
    found = (reader.place.relation(reader.who, one["RangeVar"]) for one in named)
    return [one for one in found if one is not None]
