"""Which tables, columns and functions of a database some statements name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.sqltree import function_calls, walk, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pgguard.analysis.sqltree import Called, Tree
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot

_WRITING = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CopyStmt"})
# tables with a statement as their field, without their kind
_TARGETS = (*sorted(_WRITING), "RefreshMatViewStmt", "LockStmt")


class Accesses(NamedTuple):
    """What one function's body touches, directly: not what the functions and views that it uses do.

    `reads` and `writes` are (relation oid, column number), with number 0 for the whole relation or where
    the column could not be told; TRUNCATE and DELETE write number 0. `calls` are oids of functions of the
    snapshot (the system's and the extensions' are not among them, trigger functions set off by a write
    neither). `dynamic` tells that the body runs SQL that it builds: it may then touch more than is listed.
    `unknown` is the reason why the body could not be read; empty otherwise.

    A name that fits in several schemas counts for all of them, unless the function sets its search_path.
    """

    reads: frozenset[tuple[int, int]] = frozenset()
    writes: frozenset[tuple[int, int]] = frozenset()
    calls: frozenset[int] = frozenset()
    dynamic: bool = False
    unknown: str = ""


def touched(
    database: DatabaseSnapshot,
    trees: Iterable[Any],
    search_path: tuple[str, ...] | None,
    functions: Callable[[Called], Iterable[Function]],
) -> Accesses:
    """What some statements read, write and call; `search_path` None: any schema's objects may be meant."""
    reads: set[tuple[int, int]] = set()
    writes: set[tuple[int, int]] = set()
    called: set[int] = set()
    for tree in trees:
        _Statement(database, search_path).collect(tree, reads, writes)
        for call in function_calls(tree):
            called.update(_chosen(list(functions(call)), call, search_path))
    return Accesses(frozenset(reads), frozenset(writes), frozenset(called))


def relations_named(
    database: DatabaseSnapshot, schema: str, name: str, search_path: tuple[str, ...] | None
) -> list[Relation]:
    """The relations that a name may mean."""
    if schema:
        found = catalog.relation_named(database, schema, name)
        return [found] if found else []
    if search_path is not None:
        # the first that has one decides
        for one in search_path:
            found = catalog.relation_named(database, one, name)
            if found:
                return [found]
        return []
    by_name: dict[str, list[Relation]] | None = database._memo.get("relations by bare name")
    if by_name is None:
        by_name = {}
        for relation in database.relations:
            by_name.setdefault(relation.name, []).append(relation)
        database._memo["relations by bare name"] = by_name
    return by_name.get(name, [])


def _chosen(found: list[Function], call: Called, search_path: tuple[str, ...] | None) -> Iterator[int]:
    if search_path is not None and not call.schema:
        found = [one for one in found if one.schema in search_path]
    return (one.oid for one in found)


class _Statement:
    """One statement: its tables by the names that its columns are told by. Inner queries are not told
    apart from outer ones, so that a column may count for more tables than it is of."""

    def __init__(self, database: DatabaseSnapshot, search_path: tuple[str, ...] | None) -> None:
        self.database = database
        self.search_path = search_path
        self.tables: dict[str, list[Relation]] = {}

    def collect(self, tree: Any, reads: set[tuple[int, int]], writes: set[tuple[int, int]]) -> None:
        nodes = list(walk(tree))
        inner = {fields.get("ctename") for kind, fields in nodes if kind == "CommonTableExpr"}
        for kind, fields in nodes:
            if kind == "RangeVar":
                self._named(fields, inner)
            elif kind in _TARGETS and isinstance(fields.get("relation"), dict):
                target = self._named(fields["relation"], frozenset())
                if kind in _WRITING:
                    writes.update(self._written(kind, fields, target))
                if kind == "CopyStmt" and not fields.get("is_from"):
                    reads.update(self._all(target))
            elif kind == "TruncateStmt":
                for one in fields.get("relations", ()):
                    writes.update((oid.oid, 0) for oid in self._named(one["RangeVar"], frozenset()))
        if self.tables:
            for kind, fields in nodes:
                if kind == "ColumnRef":
                    reads.update(self._column(words(fields.get("fields"))))
                elif kind == "JoinExpr":
                    reads.update(self._joined(fields))

    def _named(self, fields: Tree, inner: Iterable[str | None]) -> list[Relation]:
        name, schema = fields.get("relname", ""), fields.get("schemaname", "")
        if not schema and name in inner:
            return []
        found = relations_named(self.database, schema, name, self.search_path)
        for alias in {fields.get("alias", {}).get("aliasname", name)}:
            known = self.tables.setdefault(alias, [])
            known.extend(one for one in found if one not in known)
        return found

    def _written(self, kind: str, fields: Tree, target: list[Relation]) -> Iterator[tuple[int, int]]:
        columns: list[str] | None = []
        if kind == "InsertStmt":
            columns = _targets(fields.get("cols")) or None
            extra = _targets(fields.get("onConflictClause", {}).get("targetList"))
            columns = columns + extra if columns else None
        elif kind == "UpdateStmt":
            columns = _targets(fields.get("targetList"))
        elif kind == "MergeStmt":
            clauses = [one["MergeWhenClause"] for one in fields.get("mergeWhenClauses", ())]
            inserts_all = any(
                one.get("commandType") == "CMD_INSERT" and "targetList" not in one for one in clauses
            )
            deletes = any(one.get("commandType") == "CMD_DELETE" for one in clauses)
            named = [name for one in clauses for name in _targets(one.get("targetList"))]
            columns = None if inserts_all or deletes else named
        elif kind == "CopyStmt":
            if not fields.get("is_from"):
                return
            columns = [word for one in fields.get("attlist", ()) for word in words([one])] or None
        else:
            columns = None
        for relation in target:
            if columns is None:
                yield relation.oid, 0
                continue
            for name in columns:
                column = catalog.column_named(self.database, relation.oid, name)
                yield relation.oid, column.number if column else 0

    def _column(self, name: tuple[str, ...]) -> Iterator[tuple[int, int]]:
        if name == ("",):
            for tables in self.tables.values():
                yield from self._all(tables)
            return
        if len(name) == 1:
            for alias, tables in self.tables.items():
                # a row as a whole: SELECT p FROM patient AS p
                if name[0] == alias:
                    yield from self._all(tables)
                yield from self._of(tables, name[0])
            return
        # schema.table.column, table.column, column.field of a composite type
        for alias in {name[-2], name[0], name[1]}:
            tables = self.tables.get(alias, [])
            if name[-1] == "":
                yield from self._all(tables)
            for part in name[1:]:
                yield from self._of(tables, part)
        if name[0] not in self.tables:
            for tables in self.tables.values():
                yield from self._of(tables, name[0])

    def _joined(self, fields: Tree) -> Iterator[tuple[int, int]]:
        named = words(fields.get("usingClause"))
        for tables in self.tables.values():
            for name in named:
                yield from self._of(tables, name)

    def _of(self, tables: Iterable[Relation], name: str) -> Iterator[tuple[int, int]]:
        for relation in tables:
            column = catalog.column_named(self.database, relation.oid, name)
            if column is not None:
                yield relation.oid, column.number

    @staticmethod
    def _all(tables: Iterable[Relation]) -> Iterator[tuple[int, int]]:
        return ((relation.oid, 0) for relation in tables)


def _targets(items: Any) -> list[str]:
    return [one["ResTarget"].get("name", "") for one in items or () if "ResTarget" in one]
