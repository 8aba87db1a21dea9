"""What lines of a log mean as reads of sensitive columns: by the catalog, and by what pgaudit was told.

A table that stores encrypted columns counts under the name that people use, its columns too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.encrypted import encrypted
from pgguard.analysis.names import relation_name
from pgguard.analysis.read_audit import OURS, audited_columns, reference_roles, shown_as
from pgguard.analysis.sensitive import sensitive_tables, sensitive_views
from pgguard.analysis.usage.grants import named
from pgguard.model.encryption_names import function
from pgguard.model.usage import NOTHING, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.analysis.usage.statements import Found
    from pgguard.model.policy import Policy
    from pgguard.model.reads import AuditLine, Certainty, Evidence
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# what shows values of columns without naming them
_STATISTICS = ("pg_catalog.pg_stats", "pg_catalog.pg_statistic", "pg_catalog.pg_stats_ext")
_KNOWN_AT_MOST = 10_000
_SYSTEM = ("pg_catalog.", "information_schema.", "pg_toast.", "pg_temp")


class What(NamedTuple):
    """What one statement read, as `ReadSeen` has it."""

    relation: str
    columns: tuple[str, ...]
    certainty: Certainty
    command: str
    evidence: Evidence
    rows: int = -1


class Interpreter:
    """Knows which columns are sensitive, in the databases of a snapshot.

    Raises `Unread` when relations, columns, ACLs, roles, comments or parameters could not be read.
    """

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        roles = reference_roles(snapshot)
        self._places = {
            one.name: _Place(snapshot, one, policy, roles.get(one.name, "")) for one in snapshot.inspected
        }
        self._known: dict[tuple[str, AuditLine, bool], What | None] = {}

    def of_statement(self, database: str, found: Found, command: str) -> Iterator[What]:
        """What a statement's text came to: sensitive columns, and what could not be followed."""
        place = self._places.get(database)
        if place is None:
            return
        read: dict[str, set[str]] = {}
        # a view in the place of a table reads all that it shows: what the statement names of it counts
        fronts = {need.name for need in found.needs if need.name in place.fronts}
        for need in found.needs:
            if need.kind == "relation" and need.operation == "SELECT":
                name, columns = place.shown(need.name, (need.column,))
                held = place.sensitive.get(name, frozenset())
                if need.name == name or name not in fronts:
                    columns = tuple(held) if need.column == WHOLE else columns
                    read.setdefault(name, set()).update(held.intersection(columns))
        for need in found.needs:
            if need.kind == "function" and need.operation == "EXECUTE":
                for what in place.opened(need.name.partition("(")[0], command):
                    if what.relation not in fronts or what.columns[0] in read.get(what.relation, ()):
                        yield what
        for name, names in sorted(read.items()):
            if names:
                yield What(name, tuple(sorted(names)), "named", command, "log_statement")
        for touched in sorted({gap.touches for gap in found.gaps} - {NOTHING}):
            name = place.shown(touched, ())[0] if touched else ""
            if not touched or (name in place.sensitive and not read.get(name)):
                yield What(name, (), "unknown", command, "log_statement")

    def of_lines(self, database: str, lines: Mapping[AuditLine, int], *, copied: bool) -> Iterator[What]:
        """What pgaudit's lines about one statement come to."""
        place = self._places.get(database)
        found: dict[str, What] = {}
        for line, rows in sorted(lines.items(), key=lambda one: one[0].type):
            if line.type == "OBJECT" or (line.kind == "READ" and line.object):
                one = self._of_line(database, line, rows, copied=copied)
                # the line for the reference role says more than the session's own, and comes first
                if one is not None:
                    found.setdefault(one.relation, one)
            elif line.kind == "FUNCTION" and place is not None:
                yield from place.opened(line.object, "EXECUTE")
        is_object = any(one.evidence == "pgaudit object" for one in found.values())
        for one in found.values():
            is_view = place is not None and one.relation in place.views
            # a view is another name for what it shows, where that is told
            if not (is_view and is_object and one.evidence == "pgaudit session"):
                yield one
        reads = [
            (line, rows) for line, rows in lines.items() if line.type == "SESSION" and line.kind == "READ"
        ]
        if reads and not any(line.object for line in lines):
            line, rows = reads[0]
            yield What("", (), "unknown", "COPY" if copied else line.command, "pgaudit session", rows)

    def _of_line(self, database: str, line: AuditLine, rows: int, *, copied: bool) -> What | None:
        key = (database, line, copied)
        if key not in self._known:
            if len(self._known) >= _KNOWN_AT_MOST:
                self._known.clear()
            self._known[key] = _of_line(self._places.get(database), line, copied=copied)
        known = self._known[key]
        return known if known is None or rows < 0 else known._replace(rows=rows)


class _Place:
    """One database: sensitive columns, views over them, accessors, and names, all by SQL name."""

    def __init__(self, snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy, role: str) -> None:
        self._snapshot, self.database, self._role = snapshot, database, role
        relations = catalog.relations(database)
        self._names = {
            relation_name(relations[oid]): (relation_name(relations[view]) if view else "", columns)
            for oid, (view, columns) in shown_as(database).items()
        }
        self.fronts = frozenset(view for view, _ in self._names.values() if view)
        self.sensitive: dict[str, frozenset[str]] = {}
        for columns in sensitive_tables(database, policy).values():
            if columns[0].relation.schema not in OURS:
                self._hold(columns[0].relation, (one.column.name for one in columns))
        self.accessors: dict[str, tuple[str, str]] = {}
        for one in encrypted(database):
            self._hold(one.relation, (one.stored.name,))
            name, (column,) = self.shown(relation_name(one.relation), (one.stored.name,))
            shown = named(database, name) or one.relation
            for kind in ("open", "show"):
                self.accessors[function(kind, shown.schema, shown.name, column)] = (name, column)
        self.views = frozenset(relation_name(relations[oid]) for oid in sensitive_views(database, policy))
        self._audited: dict[str, tuple[str, ...]] = {}

    def shown(self, relation: str, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """The names that people use for a relation and its columns."""
        view, names = self._names.get(relation, ("", {}))
        return view or relation, tuple(dict.fromkeys(names.get(one, one) for one in columns))

    def opened(self, accessor: str, command: str) -> Iterator[What]:
        """What calling a function opens."""
        if accessor in self.accessors and accessor.startswith("pgguard.open__"):
            relation, column = self.accessors[accessor]
            yield What(relation, (column,), "named", command, "accessor")

    def audited(self, relation: str) -> tuple[str, ...]:
        """The columns of which pgaudit tells that one or more were read."""
        known = self._audited.get(relation)
        if known is None:
            row = named(self.database, relation)
            columns = (
                audited_columns(self._snapshot, self.database, self._role, row) if row and self._role else ()
            )
            held = self.sensitive.get(self.shown(relation, ())[0], frozenset())
            shown = self.shown(relation, columns)[1]
            # where the whole table is granted, what is sensitive of it
            known = self._audited[relation] = tuple(one for one in shown if one in held) or shown
        return known

    def _hold(self, relation: Relation, columns: Iterable[str]) -> None:
        name, shown = self.shown(relation_name(relation), tuple(columns))
        self.sensitive[name] = self.sensitive.get(name, frozenset()).union(shown)


def _of_line(place: _Place | None, line: AuditLine, *, copied: bool) -> What | None:
    command = "COPY" if copied else line.command
    if line.type == "OBJECT":
        if place is None:
            return What(line.object, (), "unknown", command, "pgaudit object")
        columns = place.audited(line.object)
        return What(
            place.shown(line.object, ())[0],
            columns,
            "among" if columns else "unknown",
            command,
            "pgaudit object",
        )
    if line.object in _STATISTICS:
        return What(_STATISTICS[0], (), "unknown", command, "pgaudit session")
    if line.object.startswith(_SYSTEM):
        return None
    if place is None:
        return What(line.object, (), "unknown", command, "pgaudit session")
    name = place.shown(line.object, ())[0]
    is_known = named(place.database, line.object) is not None
    if is_known and name not in place.sensitive and name not in place.views:
        return None
    return What(name, (), "unknown", command, "pgaudit session")
