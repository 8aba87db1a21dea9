"""An index, a materialized view, extended statistics or a generated column undoes the encryption of a column.

Why it matters: the value that was encrypted lies in a second file in clear, and in the planner's statistics
of it; a digest without a key is no better for a number of which all can be tried in minutes.

How to fix: DROP the object, or build it on a blind index: a column with hmac(value, key, 'sha256') whose key
is not in the database; REFRESH or drop a materialized view that decrypts.

Silent when: what is stored is ciphertext, a blind index (hmac, or a digest over something that a function
adds), or a digest of what nobody can enumerate; a virtual generated column stores nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.bodies import parsed
from pgguard.analysis.ciphertext import Stored, decrypts, digested, gives, opened, stored
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.grouping import place, together
from pgguard.analysis.names import column_subject, relation_subject, shorten
from pgguard.analysis.sensitive import sensitive_columns
from pgguard.analysis.views import shows
from pgguard.changes.indexes import drop_index
from pgguard.changes.statistics import drop_statistics
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Definition, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "GDPR 32",
    "GDPR 4(5)",
    "PostgreSQL manual, 11.7 Indexes on Expressions",
)
# of which all values, or all likely ones, can be tried
_ENUMERABLE = frozenset(
    {"national_id", "record_number", "contact", "date_of_birth", "direct_identifier", "staff_identity"}
)


class _Copy(NamedTuple):
    """An object that holds values of encrypted columns in clear, or digests of sensitive ones."""

    subject: Subject
    schema: str
    what: str
    clear: tuple[str, ...]
    digests: tuple[str, ...]
    fix: tuple[Change, ...]


class _Columns:
    """The sensitive columns of a database by table and name, and which of them are encrypted."""

    def __init__(self, snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> None:
        self.by_name: dict[tuple[int, str], Sensitive] = {}
        self.by_number: dict[tuple[int, int], Sensitive] = {}
        for one in sensitive_columns(database, policy):
            if one.relation.kind in "rp":
                self.by_name[one.relation.oid, one.column.name] = one
                self.by_number[one.relation.oid, one.column.number] = one
        self.encrypted = frozenset(
            key
            for key, one in self.by_number.items()
            if stored(snapshot, database, one.relation, one.column) is Stored.ENCRYPTED
        )
        self.opened = opened(snapshot, database)

    def named(self, relation: int, names: frozenset[str]) -> list[Sensitive]:
        found = (self.by_name.get((relation, name)) for name in sorted(names))
        return [one for one in found if one is not None]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        columns = _Columns(snapshot, database, policy)
        if not columns.by_name:
            continue
        texts: dict[tuple[str, int, int], Definition] = {
            (one.kind, one.oid, one.number): one
            for one in database.definitions
            if one.kind in ("index", "view", "default")
        }
        copies = [
            *_indexes(database, columns, texts),
            *_generated(database, columns, texts),
            *_statistics(database, columns),
            *_materialized(database, columns, texts),
        ]
        for group in together(copies, lambda one: (one.schema, one.subject.kind, bool(one.clear))):
            first = group[0]
            if len(group) == 1:
                yield Finding(first.subject, _evidence(first), fix=first.fix)
                continue
            names = [one.subject.name for one in group]
            yield Finding(
                place(database, (one.schema for one in group)),
                f"{len(group)} objects undo encryption ({shorten(names, 3)}): {names[0]} {_evidence(first)}",
                fix=tuple(change for one in group for change in one.fix),
            )


def _evidence(copy: _Copy) -> str:
    parts = []
    if copy.clear:
        parts.append(f"{shorten(list(copy.clear), 3)} in clear, which is stored encrypted")
    if copy.digests:
        parts.append(f"digests of {shorten(list(copy.digests), 3)} without a key: every value can be tried")
    return f"{copy.what} {'; and '.join(parts)}"


def _indexes(
    database: DatabaseSnapshot, columns: _Columns, texts: Mapping[tuple[str, int, int], Definition]
) -> Iterator[_Copy]:
    relations = catalog.relations(database)
    excluding = {(one.relation, one.name) for one in database.constraints if one.kind == "x"}
    for index in database.indexes:
        relation = relations.get(index.relation)
        text = texts.get(("index", index.oid, 0))
        if relation is None or relation.extension or 0 not in index.columns or text is None:
            continue
        clear, digests = _shown(database, columns, relation, _index_expressions(_trees(database, text)))
        if clear or digests:
            name = qualified(relation.schema, index.name)
            yield _Copy(
                Subject("relation", name, database.name),
                relation.schema,
                "the index holds",
                clear,
                digests,
                ()
                if relation.is_partition or (index.relation, index.name) in excluding
                else (drop_index(name, text.text, database=database.name),),
            )


def _index_expressions(trees: list[Any]) -> list[Any]:
    return [
        one["IndexElem"].get("expr")
        for tree in trees
        for field in ("indexParams", "indexIncludingParams")
        for one in tree.get("IndexStmt", {}).get(field, ())
    ]


def _generated(
    database: DatabaseSnapshot, columns: _Columns, texts: Mapping[tuple[str, int, int], Definition]
) -> Iterator[_Copy]:
    relations = catalog.relations(database)
    for column in database.columns:
        text = texts.get(("default", column.relation, column.number)) if column.generated == "s" else None
        relation = relations.get(column.relation)
        if text is None or relation is None or relation.extension or relation.is_partition:
            continue
        clear, digests = _shown(database, columns, relation, _trees(database, text))
        if clear or digests:
            yield _Copy(
                column_subject(database, relation, column),
                relation.schema,
                "the generated column holds",
                clear,
                digests,
                (),
            )


def _statistics(database: DatabaseSnapshot, columns: _Columns) -> Iterator[_Copy]:
    """CREATE STATISTICS on expressions; those on columns hold what the columns do."""
    relations = catalog.relations(database)
    for one in database.extended_statistics:
        relation = relations.get(one.relation)
        if relation is None or not one.expression_columns or not decrypts(database, one.functions):
            continue
        keys = [(one.relation, number) for number in one.expression_columns]
        clear = tuple(_name(columns.by_number[key]) for key in keys if key in columns.encrypted)
        if clear:
            name = qualified(one.schema, one.name)
            yield _Copy(
                Subject("relation", name, database.name),
                one.schema,
                "the extended statistics hold",
                clear,
                (),
                (drop_statistics(name, database=database.name),),
            )


def _materialized(
    database: DatabaseSnapshot, columns: _Columns, texts: Mapping[tuple[str, int, int], Definition]
) -> Iterator[_Copy]:
    relations = catalog.relations(database)
    for view in relations.values():
        if view.kind != "m" or view.extension:
            continue
        clear = tuple(
            dict.fromkeys(
                _name(columns.by_number[origin])
                for origins in shows(database, view).columns
                for origin in sorted(origins & columns.encrypted & _opened_by(database, columns, view))
            )
        )
        text = texts.get(("view", view.oid, 0))
        names = digested(database, _trees(database, text)) if text is not None else frozenset()
        read = {used.relation for used in catalog.uses(database, view.oid)} if names else set()
        digests = [
            one for oid in sorted(read) for one in columns.named(oid, names) if one.category in _ENUMERABLE
        ]
        if clear or digests:
            yield _Copy(
                relation_subject(database, view),
                view.schema,
                "the materialized view holds",
                clear,
                tuple(_name(one) for one in digests),
                (),
            )


def _opened_by(database: DatabaseSnapshot, columns: _Columns, view: Relation) -> frozenset[tuple[int, int]]:
    """The columns that a view decrypts, or one that it reads."""
    found: frozenset[tuple[int, int]] = frozenset()
    todo, seen = [view.oid], {view.oid}
    while todo:
        oid = todo.pop()
        found |= columns.opened.get(oid, frozenset())
        for used in catalog.uses(database, oid):
            if used.relation not in seen:
                seen.add(used.relation)
                todo.append(used.relation)
    return found


def _shown(
    database: DatabaseSnapshot, columns: _Columns, relation: Relation, trees: list[Any]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The encrypted columns that expressions on a table open, and those of which they hold a bare digest."""
    clear: list[str] = []
    digests: list[str] = []
    for shown in gives(database, trees):
        for one in columns.named(relation.oid, shown.names):
            is_encrypted = (relation.oid, one.column.number) in columns.encrypted
            if shown.clear and is_encrypted:
                clear.append(_name(one))
            elif not shown.clear and one.category in _ENUMERABLE:
                digests.append(_name(one))
    return tuple(dict.fromkeys(clear)), tuple(dict.fromkeys(digests))


def _trees(database: DatabaseSnapshot, text: Definition) -> list[Any]:
    try:
        return list(parsed(database, text))
    except Unparsable:
        # what is not understood holds no call that could be told
        return []


def _name(one: Sensitive) -> str:
    return f"{qualified(one.relation.schema, one.relation.name)}.{ident(one.column.name)}"
