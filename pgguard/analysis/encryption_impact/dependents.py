"""What in the catalog depends on a table whose columns are to be encrypted.

What follows the table by its OID (views, rules, foreign keys, row types, bodies of the SQL standard) goes
with it when it is renamed, and finds NULL where the clear value was; what follows its name (other function
bodies) meets the view.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pgguard.analysis import catalog, plpgsql
from pgguard.analysis.bodies import accesses, parsed, unread_languages
from pgguard.analysis.encryption_impact.facts import Dependent, Form, Target, Verdict
from pgguard.analysis.encryption_impact.masking import mentions
from pgguard.analysis.encryption_impact.reading import Reading
from pgguard.analysis.encryption_impact.statements import of_trees
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.function_bodies import READ, body, statements_of
from pgguard.analysis.function_use import looks_names_up, text_of
from pgguard.analysis.names import function_name, relation_name
from pgguard.analysis.plpgsql_source import split_types
from pgguard.analysis.references import touched
from pgguard.analysis.search_path import of_function
from pgguard.analysis.sqltree import walk, words
from pgguard.analysis.views import VIEWS, lineage
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pgguard.model.rows import Column, Constraint, Definition, Function, Relation, Trigger
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_WORKS, _SLOWER, _BREAKS = Verdict.WORKS, Verdict.SLOWER, Verdict.BREAKS
_WRONG, _UNKNOWN = Verdict.SILENTLY_WRONG, Verdict.NOT_UNDERSTOOD
_ROWS = frozenset({"old", "new"})
_BOUND = "bound-function"
_AGAIN = "create it again after the switch"


def dependents(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    relation: Relation,
    columns: Collection[str],
    *,
    form: Form = Form.VIEW,
    searchable: Collection[str] = (),
) -> list[Dependent]:
    """What depends on a table, and what becomes of it when these of its columns are encrypted.

    Functions that could not be read are NOT_UNDERSTOOD. Raises `Unread` when a section of the snapshot that
    it takes could not be read.
    """
    about = _About(snapshot, database, relation, _target(database, relation, columns, form, searchable))
    return [
        *_views(about),
        *_functions(about),
        *_triggers(about),
        *_rules(about),
        *_policies(about),
        *_constraints(about),
        *_own_columns(about),
        *_row_type_columns(about),
        *_publications(about),
        *_tree(about),
    ]


@dataclass(slots=True)
class _About:
    snapshot: Snapshot
    database: DatabaseSnapshot
    relation: Relation
    target: Target
    numbers: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = {
            one.number: one.name
            for one in catalog.columns(self.database, self.relation.oid)
            if one.name in self.target.columns
        }

    @property
    def columns(self) -> str:
        """The encrypted columns."""
        return ", ".join(map(ident, self.target.columns))

    def among(self, numbers: Collection[int]) -> str:
        """The encrypted columns of these numbers."""
        return ", ".join(ident(name) for number, name in self.numbers.items() if number in numbers)

    def definitions(self, *kinds: str) -> Iterator[Definition]:
        return (one for one in self.database.definitions if one.kind in kinds)

    def read_by(self, tree: Any) -> str:
        """The encrypted columns that statements with qualified names read, by the table's OID; of a row,
        all."""
        found = touched(self.database, [tree], None, lambda call: ()).reads
        numbers = {number for oid, number in found if oid == self.relation.oid}
        return self.columns if 0 in numbers else self.among(numbers)


def _target(
    database: DatabaseSnapshot,
    relation: Relation,
    columns: Collection[str],
    form: Form,
    searchable: Collection[str],
) -> Target:
    own = [one for one in database.constraints if one.relation == relation.oid]
    names = {one.number: one.name for one in catalog.columns(database, relation.oid)}
    keys = next((one.columns for one in own if one.kind == "p"), ())
    unique = {names[one.columns[0]] for one in own if one.kind == "u" and len(one.columns) == 1}
    return Target(
        relation.schema,
        relation.name,
        tuple(one for one in names.values() if one in columns),
        frozenset(searchable),
        tuple(names[one] for one in keys),
        form,
        frozenset(unique & set(columns)),
        relation.row_security,
    )


def _views(about: _About) -> Iterator[Dependent]:
    """Views over the table, and over those that read encrypted columns."""
    known = catalog.relations(about.database)
    todo = [about.relation.oid]
    seen = {about.relation.oid}
    while todo:
        below = todo.pop(0)
        for oid in dict.fromkeys(used.view for used in catalog.used_by(about.database, below)):
            view = known.get(oid)
            if view is None or oid in seen:
                continue
            seen.add(oid)
            todo.append(oid)
            yield _view(about, view, is_direct=below == about.relation.oid)


def _view(about: _About, view: Relation, *, is_direct: bool) -> Dependent:
    kind = "materialized-view" if view.kind == "m" else "view"
    read = _read_by_view(about, view) if is_direct else ""
    name = relation_name(view)
    if not is_direct:
        why = "it reads the table through another view, and gives what that gives"
        return Dependent(_WRONG, kind, name, why, f"{_AGAIN}, with the view that it reads")
    if not read:
        return Dependent(_WORKS, kind, name, "it follows the table and reads no encrypted column", "")
    why = f"it follows the table by its OID, and reads NULL in {read} there"
    if view.kind == "m":
        why = f"it holds {read} in clear; refreshed, it follows the table by its OID and reads NULL"
    reading = (
        about.target.name if about.target.form is Form.VIEW else about.target.opened(about.target.columns[0])
    )
    return Dependent(_WRONG, kind, name, why, f"create it again over {reading} after the switch")


def _read_by_view(about: _About, view: Relation) -> str:
    used = catalog.uses(about.database, view.oid)
    numbers = {one.number for one in used if one.relation == about.relation.oid}
    if about.among(numbers) or 0 not in numbers:
        return about.among(numbers)
    # pg_depend has the table as a whole where rows are counted, and where they are shown
    origins = {origin for one in lineage(about.database, view).outputs for origin in one.origins}
    shown = {number for oid, number in origins if oid == about.relation.oid}
    return about.columns if 0 in shown else about.among(shown)


def _functions(about: _About) -> Iterator[Dependent]:
    named = {about.target.name, f"{about.target.name}[]"}
    unread = {one.oid for one in unread_languages(about.database)}
    for function in about.database.functions:
        if function.extension or function.system or function.schema == "pgguard":
            continue
        types = {*split_types(function.arguments), function.returns.removeprefix("SETOF ")}
        if named & {one.strip() for one in types}:
            yield _row_type(about, function)
        if function.oid in unread:
            why = f"it is written in {function.language}, which is not read"
            yield Dependent(_UNKNOWN, "function", function_name(function), why, "somebody has to look at it")
        elif function.language in READ:
            yield from _body(about, function)


def _row_type(about: _About, function: Function) -> Dependent:
    name = function_name(function)
    if about.target.form is Form.VIEW:
        why = f"it takes or gives rows of {about.target.storage} then: those of the view do not fit"
        return Dependent(_BREAKS, "row-type", name, why, _AGAIN)
    why = f"rows of {about.target.name} have NULL in {about.columns} then, and more columns"
    return Dependent(_WRONG, "row-type", name, why, f"{about.target.opened(about.target.columns[0])} in it")


def _body(about: _About, function: Function) -> Iterator[Dependent]:
    name = function_name(function)
    used = accesses(about.snapshot, about.database, function)
    text = text_of(about.database, function)
    if used.unknown:
        if mentions(text, {about.relation.name}):
            yield Dependent(_UNKNOWN, "function", name, used.unknown, "somebody has to look at it")
        return
    if used.dynamic:
        why = "it builds statements when it runs, which may concern the table"
        yield Dependent(_UNKNOWN, "function", name, why, "somebody has to look at it")
    numbers = {number for oid, number in (*used.reads, *used.writes) if oid == about.relation.oid}
    if not numbers:
        return
    if not looks_names_up(about.database, function):
        read = {number for oid, number in used.reads if oid == about.relation.oid}
        columns = about.columns if 0 in read else about.among(read)
        if columns:
            why = f"its body (SQL standard) follows the table by its OID, and reads NULL in {columns} there"
            yield Dependent(_WRONG, _BOUND, name, why, _AGAIN)
        else:
            yield Dependent(_WORKS, _BOUND, name, "it follows the table and reads no encrypted column", "")
        return
    reading = Reading((about.target,), about.snapshot.major, of_function(function))
    for one in of_trees(statements_of(about.database, function), reading, name):
        yield Dependent(one.verdict, one.kind, name, f"it follows the name: {one.why}", one.instead)


def _triggers(about: _About) -> Iterator[Dependent]:
    """The table's own triggers, which stay with the rows."""
    for trigger in about.database.triggers:
        if trigger.relation == about.relation.oid and trigger.enabled != "D":
            yield _trigger(about, trigger)


def _trigger(about: _About, trigger: Trigger) -> Dependent:
    name = f"{ident(trigger.name)} on {about.target.name}"
    if trigger.level != "ROW":
        return Dependent(_WORKS, "trigger", name, f"it fires for {about.target.storage} as before", "")
    function = catalog.functions(about.database).get(trigger.function)
    if function is None or function.language not in READ or body(about.database, function).unknown:
        why = "what its function does could not be read"
        return Dependent(_UNKNOWN, "trigger", name, why, "somebody has to look at it")
    steps = body(about.database, function).program.steps
    # RETURN NEW looks at nothing
    given_back = {id(one) for one in plpgsql.results(steps)}
    trees = [one for one in statements_of(about.database, function) if id(one) not in given_back]
    assigned = plpgsql.assigned(steps)
    names = {*_row_columns(trees), *(".".join(one) for one, _ in assigned)}
    definition = _trees(about, "trigger", trigger.oid)
    names |= _row_columns(definition)
    met = [one for one in about.target.columns if {f"old.{one}", f"new.{one}"} & names]
    if names & _ROWS:
        met = list(about.target.columns)
    if not met:
        is_of_columns = any(
            kind == "CreateTrigStmt" and fields.get("columns") for kind, fields in walk(definition)
        )
        if is_of_columns and about.target.form is Form.VIEW:
            why = "UPDATE through the view sets every column: it fires for columns that no program named"
            return Dependent(_WRONG, "trigger", name, why, "WHEN (OLD.column IS DISTINCT FROM NEW.column)")
        return Dependent(_WORKS, "trigger", name, "it uses no encrypted column", "")
    listed = ", ".join(map(ident, met))
    why = f"OLD has NULL in {listed}, and so has NEW after the change; before it NEW has what is written"
    return Dependent(_WRONG, "trigger", name, why, f"{about.target.opened(met[0])} in it")


def _row_columns(trees: Any) -> set[str]:
    """old.column and new.column as they are named in trees; old and new alone for whole rows."""
    names = (words(fields.get("fields")) for kind, fields in walk(trees) if kind == "ColumnRef")
    return {
        one[0] if len(one) == 1 or not one[1] else f"{one[0]}.{one[1]}"
        for one in names
        if one and one[0] in _ROWS
    }


def _trees(about: _About, kind: str, oid: int) -> list[Any]:
    for one in about.definitions(kind):
        if one.oid == oid:
            try:
                return list(parsed(about.database, one))
            except Unparsable:
                return []
    return []


def _rules(about: _About) -> Iterator[Dependent]:
    known = {one.oid: one for one in about.database.rules if one.enabled != "D"}
    relations = catalog.relations(about.database)
    for definition in about.definitions("rule"):
        rule = known.get(definition.oid)
        if rule is None or not mentions(definition.text, {about.relation.name}):
            continue
        on = relations.get(rule.relation)
        name = f"{ident(rule.name)} on {relation_name(on) if on else '?'}"
        try:
            trees = list(parsed(about.database, definition))
        except Unparsable as reason:
            yield Dependent(_UNKNOWN, "rule", name, str(reason), "somebody has to look at it")
            continue
        is_own = rule.relation == about.relation.oid
        rows = _row_columns(trees) if is_own else set()
        met = [one for one in about.target.columns if {f"old.{one}", f"new.{one}"} & rows]
        read = ", ".join(map(ident, met)) or about.read_by(trees)
        if read:
            why = f"it follows the table by its OID, where {read} is NULL"
            yield Dependent(_WRONG, "rule", name, why, _AGAIN)
        elif is_own and about.target.form is Form.VIEW:
            why = f"it stays with {about.target.storage}: statements on {about.target.name} do not meet it"
            yield Dependent(_WRONG, "rule", name, why, f"create it again on {about.target.name}")
        else:
            yield Dependent(_WORKS, "rule", name, "it follows the table and reads no encrypted column", "")


def _policies(about: _About) -> Iterator[Dependent]:
    """Row policies, of this table or another, that read encrypted columns."""
    policies = {one.oid: one for one in about.database.row_policies}
    relations = catalog.relations(about.database)
    for definition in about.definitions("policy-using", "policy-check"):
        policy = policies.get(definition.oid)
        if policy is None:
            continue
        name = f"{ident(policy.name)} on {relation_name(relations[policy.relation])}"
        is_own = policy.relation == about.relation.oid
        if not is_own and not mentions(definition.text, {about.relation.name}):
            continue
        try:
            trees = list(parsed(about.database, definition))
        except Unparsable as reason:
            yield Dependent(_UNKNOWN, "policy", name, str(reason), "somebody has to look at it")
            continue
        names = [words(fields.get("fields")) for kind, fields in walk(trees) if kind == "ColumnRef"]
        met = [one for one in about.target.columns if is_own and any(it[-1] == one for it in names)]
        read = ", ".join(map(ident, met)) or about.read_by(trees)
        if read:
            why = f"it reads {read}, which is NULL then"
            yield Dependent(_WRONG, "policy", name, why, "write it without that column")


def _constraints(about: _About) -> Iterator[Dependent]:
    relations = catalog.relations(about.database)
    for one in about.database.constraints:
        is_own = one.relation == about.relation.oid
        at = relations.get(one.relation)
        if at is None or not (is_own or one.references == about.relation.oid):
            continue
        yield from _constraint(about, one, f"{ident(one.name)} on {relation_name(at)}", is_own=is_own)


def _constraint(about: _About, one: Constraint, name: str, *, is_own: bool) -> Iterator[Dependent]:
    own = about.among(one.columns) if is_own else ""
    referred = about.among(one.referenced_columns) if one.references == about.relation.oid else ""
    if one.kind == "f":
        if own or referred:
            why = f"it compares {own or referred}, which is NULL then"
            yield Dependent(_BREAKS, "foreign-key", name, why, "refer to the primary key")
        else:
            yield Dependent(_WORKS, "foreign-key", name, "it follows the table by its OID", "")
    elif own and one.kind == "c":
        why = f"it is looked at where {own} is NULL: the trigger that seals has to check it"
        yield Dependent(_WRONG, "check", name, why, "the plan moves it into the trigger")
    elif own:
        is_moved = len(one.columns) == 1 and set(one.columns) <= about.numbers.keys()
        is_moved = is_moved and about.numbers[one.columns[0]] in about.target.searchable
        why = (
            f"it goes to the blind index of {own}" if is_moved else f"{own} is NULL then: it refuses nothing"
        )
        yield Dependent(
            _WORKS if is_moved else _WRONG, "unique", name, why, "" if is_moved else f"make {own} searchable"
        )


def _own_columns(about: _About) -> Iterator[Dependent]:
    """Generated columns, indexes and statistics of the table."""
    for column in catalog.columns(about.database, about.relation.oid):
        if column.generated.strip():
            yield from _generated(about, column)
    constraints = {one.name for one in about.database.constraints if one.relation == about.relation.oid}
    texts = {one.oid: one for one in about.definitions("index")}
    for index in about.database.indexes:
        if index.relation != about.relation.oid or index.name in constraints:
            continue
        read = about.among(index.columns)
        if not read and index.oid in texts:
            read = _named_in(about, texts[index.oid])
        if read:
            why = f"of {read} it would hold nothing but NULL, and goes: searching opens every row"
            yield Dependent(
                _SLOWER, "index", qualified(about.relation.schema, index.name), why, f"make {read} searchable"
            )
    for one in about.database.extended_statistics:
        read = about.among({*one.columns, *one.expression_columns})
        if one.relation == about.relation.oid and read:
            why = f"it goes with {read}, whose values it may hold in clear; plans know less of the rows"
            yield Dependent(_SLOWER, "statistics", qualified(one.schema, one.name), why, "")


def _generated(about: _About, column: Column) -> Iterator[Dependent]:
    for one in about.definitions("default"):
        if (one.oid, one.number) == (about.relation.oid, column.number):
            read = _named_in(about, one)
            if read:
                why = f"it is computed from {read}, which is NULL then, and holds something of it in clear"
                name = qualified(about.relation.schema, about.relation.name, column.name)
                yield Dependent(
                    _BREAKS, "generated-column", name, why, "drop it, or encrypt what is computed"
                )


def _named_in(about: _About, definition: Definition) -> str:
    """The encrypted columns that an expression over the table names; all of them when it could not be
    read."""
    try:
        trees = list(parsed(about.database, definition))
    except Unparsable:
        return about.columns
    names = {words(fields.get("fields"))[-1] for kind, fields in walk(trees) if kind == "ColumnRef"}
    return ", ".join(ident(one) for one in about.target.columns if one in names)


def _row_type_columns(about: _About) -> Iterator[Dependent]:
    relations = catalog.relations(about.database)
    for column in about.database.columns:
        at = relations.get(column.relation)
        if (
            at is not None
            and at.kind not in VIEWS
            and column.type in (about.target.name, f"{about.target.name}[]")
        ):
            name = qualified(at.schema, at.name, column.name)
            why = f"it holds whole rows of the table, {about.columns} in clear"
            yield Dependent(_WRONG, "row-type", name, why, "encrypt it as well, or keep the key alone")


def _publications(about: _About) -> Iterator[Dependent]:
    sent = {
        one.publication: one.columns
        for one in about.database.publication_tables
        if one.relation == about.relation.oid
    }
    sent |= {one.name: () for one in about.database.publications if one.all_tables}
    for name, columns in sorted(sent.items()):
        read = about.among(columns) if columns else about.columns
        if about.target.form is Form.VIEW:
            why = f"it sends the table as {about.target.storage}, which subscribers do not have"
            yield Dependent(
                _BREAKS, "publication", ident(name), why, "make that table at the subscribers first"
            )
        elif read:
            why = f"it sends NULL in {read} and ciphertext in columns that subscribers do not have"
            yield Dependent(
                _BREAKS, "publication", ident(name), why, "add the columns at the subscribers first"
            )
        else:
            yield Dependent(_WORKS, "publication", ident(name), "it sends no encrypted column", "")


def _tree(about: _About) -> Iterator[Dependent]:
    """Parents, children and partitions."""
    parent = catalog.relations(about.database).get(about.relation.parent)
    if parent is not None:
        why = f"who reads it gets the rows of {about.target.name}, too, with NULL in {about.columns}"
        kind = "partitioned-table" if about.relation.is_partition else "parent"
        yield Dependent(_WRONG, kind, relation_name(parent), why, "encrypt it, and its children with it")
    for child in catalog.children(about.database, about.relation.oid):
        if child.is_partition:
            yield Dependent(_WORKS, "partition", relation_name(child), "it is encrypted with the table", "")
        else:
            why = f"its rows are read with those of {about.target.name}, and are not sealed"
            yield Dependent(_WRONG, "child", relation_name(child), why, "encrypt the parent's children, too")
