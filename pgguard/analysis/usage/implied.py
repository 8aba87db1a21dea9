"""What touching a relation or calling a function brings with it, and with whose rights.

* A view reads with its owner's rights; a security_invoker view with those of the current user, even inside
  another view. Functions in it are called as the current user (manual, CREATE VIEW, Notes).
* A materialized view is read as it is stored.
* Policies, defaults, checks, expressions of indexes and triggers run as the current user; their names were
  looked up when they were made, so that they take no USAGE on schemas.
* A SECURITY DEFINER function does everything as its owner.
* Foreign keys are checked as the tables' owners, who need no grant for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis import bodies, catalog, function_bodies
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.membership import heirs
from pgguard.analysis.names import function_name
from pgguard.analysis.plpgsql_source import split_types
from pgguard.analysis.row_security import bypasses
from pgguard.analysis.search_path import OWN_SCHEMA, of_function
from pgguard.analysis.views import is_invoker, lineage
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pgguard.analysis.usage.place import As
    from pgguard.analysis.usage.reader import Reader
    from pgguard.model.rows import Definition, Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot

_ATOMIC = ("BEGIN ATOMIC", "RETURN ")
_UNREADABLE = "what it uses holds SQL that could not be read"


def read(reader: Reader, relation: Relation) -> None:
    """What reading a relation runs: the query of a view, policies."""
    if _first(reader, "read", relation.oid):
        _policies(reader, relation, "SELECT")
        if relation.kind == "v":
            _run(reader, _view_as(reader, relation), _definitions(reader, "view", relation.oid))


def refresh(reader: Reader, relation: Relation) -> None:
    """A materialized view is filled as its owner, whoever asks for it."""
    owner = reader.who._replace(checked=relation.owner, user=relation.owner, named=False)
    _run(reader, owner, _definitions(reader, "view", relation.oid))


def lock(reader: Reader, relation: Relation) -> None:
    """FOR UPDATE on a view locks what it reads, with the view's rights."""
    if relation.kind != "v" or not _first(reader, "lock", relation.oid):
        return
    inner = _reader(reader, _view_as(reader, relation))
    for definition in _definitions(reader, "view", relation.oid):
        for tree in _parsed(reader, definition):
            inner.select(tree.get("SelectStmt", {}), [], lock=True)


def write(reader: Reader, relation: Relation, operation: str, columns: Collection[str]) -> None:
    """What a write to a relation runs, with the columns that it sets (INSERT, UPDATE)."""
    if operation == "INSERT":
        missing = [
            one.number
            for one in catalog.columns(reader.place.database, relation.oid)
            if one.name not in columns
        ]
        _defaults(reader, relation, missing)
    if relation.kind == "v":
        _through_view(reader, relation, operation, columns)
    if not _first(reader, "write", relation.oid, operation):
        return
    _policies(reader, relation, operation)
    _triggers(reader, relation, operation)
    _rules(reader, relation, operation)
    if operation in ("INSERT", "UPDATE") and relation.kind != "v":
        for one in family(reader, relation):
            _stored(reader, one)


def set_to_default(reader: Reader, relation: Relation, columns: Collection[str]) -> None:
    """SET column = DEFAULT."""
    _defaults(
        reader,
        relation,
        [one.number for one in catalog.columns(reader.place.database, relation.oid) if one.name in columns],
    )


def body(reader: Reader, function: Function) -> None:
    """What a function's body does, as its owner or as who calls it."""
    place, who = reader.place, reader.who
    user = function.owner if function.definer else who.user
    if function.language in function_bodies.COMPILED or function.extension or function.system:
        return
    if not _first(reader, "body", function.oid, user):
        return
    found = bodies.accesses(place.snapshot, place.database, function)
    if found.unknown:
        place.gap(user, f"it calls {function_name(function)}, whose body could not be read")
        return
    if found.dynamic:
        place.gap(user, f"it calls {function_name(function)}, which runs SQL that it builds")
    own = of_function(function)
    path = who.path if own is None else tuple(user if one == OWN_SCHEMA else one for one in own)
    text = next((one.text for one in _definitions(reader, "function", function.oid)), "")
    inner = who._replace(
        checked=user, user=user, path=path, named=not text.lstrip().startswith(_ATOMIC), variables=True
    )
    _trees(reader, inner, function_bodies.statements_of(place.database, function))


def defaults(database: DatabaseSnapshot, relation: int, number: int) -> list[Any]:
    """The default of a column, or the expression that generates it."""
    found: list[Any] = []
    for one in _by_oid(database, "default").get(relation, ()):
        if one.number == number:
            try:
                found += bodies.parsed(database, one)
            except Unparsable:
                continue
    return found


def types(database: DatabaseSnapshot) -> Mapping[str, frozenset[str]]:
    """The schemas of types that people made, by the type's name, as columns and arguments have them."""
    known: dict[str, frozenset[str]] | None = database._memo.get("schemas of types")
    if known is None:
        found: dict[str, set[str]] = {}
        written = [one.type for one in database.columns]
        written += [one for function in database.functions for one in split_types(function.arguments)]
        for text in dict.fromkeys(written):
            schema, dot, name = text.removesuffix("[]").partition(".")
            if dot and schema != "pg_catalog":
                found.setdefault(name.split("(")[0].strip('"'), set()).add(schema.strip('"'))
        for relation in database.relations:
            found.setdefault(relation.name, set()).add(relation.schema)
        known = {name: frozenset(schemas) for name, schemas in found.items()}
        database._memo["schemas of types"] = known
    return known


def _defaults(reader: Reader, relation: Relation, numbers: Collection[int]) -> None:
    inner = _reader(reader, _stored_as(reader))
    for number in numbers:
        for tree in defaults(reader.place.database, relation.oid, number):
            inner.value(tree, [])


def _through_view(reader: Reader, view: Relation, operation: str, columns: Collection[str]) -> None:
    """A write to a view is one to its table, as the view's owner or as the current user."""
    place = reader.place
    if _replaced(reader, view, operation):
        return
    shown = lineage(place.database, view)
    table = catalog.relations(place.database).get(shown.base)
    if table is None:
        place.gap(reader.who.checked, "it writes to a view that could not be followed")
        return
    inner = _reader(reader, _view_as(reader, view))
    set_ = set()
    for output in shown.outputs:
        for oid, number in output.origins if output.name in columns and output.plain else ():
            column = next((c for c in catalog.columns(place.database, oid) if c.number == number), None)
            if oid == table.oid and column is not None:
                set_.add(column.name)
    for name in sorted(set_) or [""]:
        place.on(inner.who, table, operation, name)
    write(inner, table, operation, set_)


def _replaced(reader: Reader, view: Relation, operation: str) -> bool:
    database = reader.place.database
    return any(
        one.relation == view.oid and one.event == operation and one.instead and one.enabled != "D"
        for one in database.rules
    ) or any(
        one.relation == view.oid and one.timing == "INSTEAD OF" and operation in one.events
        for one in database.triggers
    )


def _policies(reader: Reader, relation: Relation, operation: str) -> None:
    place, role = reader.place, reader.who.checked
    if not relation.row_security or bypasses(place.snapshot, place.database, relation, role):
        return
    inner = reader.who._replace(named=False, variables=True)
    for policy in place.database.row_policies:
        applies = policy.relation == relation.oid and policy.command in ("ALL", operation)
        if applies and any(
            one == PUBLIC or role in heirs(place.snapshot, one, place.database.name) for one in policy.roles
        ):
            for kind in ("policy-using", "policy-check"):
                _run(reader, inner, _definitions(reader, kind, policy.oid))


def _triggers(reader: Reader, relation: Relation, operation: str) -> None:
    known = catalog.functions(reader.place.database)
    fired = {one.oid for one in family(reader, relation)}
    inner = _reader(reader, reader.who._replace(checked=reader.who.user))
    for trigger in reader.place.database.triggers:
        if trigger.relation not in fired or operation not in trigger.events or trigger.enabled == "D":
            continue
        if trigger.function in known:
            body(inner, known[trigger.function])
        for definition in _definitions(reader, "trigger", trigger.oid):
            for tree in _parsed(reader, definition):
                condition = tree.get("CreateTrigStmt", {}).get("whenClause")
                _reader(reader, _stored_as(reader)).value(condition, [])


def _rules(reader: Reader, relation: Relation, operation: str) -> None:
    for rule in reader.place.database.rules:
        if rule.relation != relation.oid or rule.event != operation or rule.enabled == "D":
            continue
        inner = _view_as(reader, relation)._replace(variables=True)
        for definition in _definitions(reader, "rule", rule.oid):
            for tree in _parsed(reader, definition):
                _trees(reader, inner, iter(tree.get("RuleStmt", {}).get("actions", ())))


def _stored(reader: Reader, relation: Relation) -> None:
    """Functions in checks, generated columns and indexes are called by whoever writes."""
    database = reader.place.database
    own = [one.oid for one in database.constraints if one.relation == relation.oid and one.kind == "c"]
    indexes = [one.oid for one in database.indexes if one.relation == relation.oid]
    definitions = [
        *(one for oid in own for one in _definitions(reader, "check", oid)),
        *(one for oid in indexes for one in _definitions(reader, "index", oid)),
    ]
    inner = _reader(reader, _stored_as(reader))
    for definition in definitions:
        for tree in _parsed(reader, definition):
            # only calls: the columns are the table's own, and no names are looked up
            for kind in ("IndexStmt", "AlterTableStmt"):
                fields = tree.get(kind, {})
                inner.value([fields.get("indexParams"), fields.get("whereClause"), fields.get("cmds")], [])
    generated = [c.number for c in catalog.columns(database, relation.oid) if c.generated.strip()]
    _defaults(reader, relation, generated)


def family(reader: Reader, relation: Relation) -> list[Relation]:
    """A table with its partitions and children."""
    found, todo = [], [relation]
    while todo:
        here = todo.pop()
        found.append(here)
        todo += catalog.children(reader.place.database, here.oid)
    return found


def _view_as(reader: Reader, view: Relation) -> As:
    who = reader.who
    return who._replace(checked=who.user if is_invoker(view) else view.owner, named=False, variables=False)


def _stored_as(reader: Reader) -> As:
    """Expressions of a table: as the current user, without names to look up."""
    return reader.who._replace(checked=reader.who.user, named=False, variables=True)


def _reader(reader: Reader, who: As) -> Reader:
    return type(reader)(reader.place, who)


def _run(reader: Reader, who: As, definitions: Collection[Definition]) -> None:
    for definition in definitions:
        _trees(reader, who, iter(_parsed(reader, definition)))


def _trees(reader: Reader, who: As, trees: Iterator[Any]) -> None:
    from pgguard.analysis.usage.reader import statements_in

    statements_in(_reader(reader, who), trees)


def _parsed(reader: Reader, definition: Definition) -> list[Any]:
    try:
        return list(bodies.parsed(reader.place.database, definition))
    except Unparsable:
        reader.place.gap(reader.who.checked, _UNREADABLE)
        return []


def _definitions(reader: Reader, kind: str, oid: int) -> list[Definition]:
    return _by_oid(reader.place.database, kind).get(oid, [])


def _by_oid(database: DatabaseSnapshot, kind: str) -> dict[int, list[Definition]]:
    known: dict[str, dict[int, list[Definition]]] | None = database._memo.get("definitions by kind")
    if known is None:
        known = {}
        for one in database.definitions:
            known.setdefault(one.kind, {}).setdefault(one.oid, []).append(one)
        database._memo["definitions by kind"] = known
    return known.get(kind, {})


def _first(reader: Reader, *what: object) -> bool:
    """Whether it is looked into for the first time as these two, in this statement."""
    key = (reader.who.checked, reader.who.user, *what)
    is_new = key not in reader.place.seen
    reader.place.seen.add(key)
    return is_new
