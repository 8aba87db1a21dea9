"""Where a statement runs: whose rights are checked, and what its names mean there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.access import uses_schema
from pgguard.analysis.membership import superusers
from pgguard.analysis.names import relation_name
from pgguard.analysis.plpgsql_source import arguments
from pgguard.analysis.search_path import SYSTEM
from pgguard.model.quote import ident
from pgguard.model.usage import NOTHING, Gap, Need

if TYPE_CHECKING:
    from pgguard.analysis.sqltree import Called, Tree
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
    from pgguard.model.usage import Kind

_CATALOG = "pg_catalog"
_TEMPORARY = "pg_temp"
_AUDIT = "pgguard_audit"


class As(NamedTuple):
    """As whom a piece of SQL is checked.

    `checked` holds the privileges on relations, `user` those on functions and on what they do: inside of
    a view the first is its owner, the second whoever queries it (manual, CREATE VIEW, Notes). `named`:
    names are looked up when it runs, which takes USAGE on their schemas. `path` are the schemas that
    names are looked for in. `variables`: a name that is no column may be a variable.
    """

    checked: str
    user: str
    path: tuple[str, ...]
    named: bool = True
    variables: bool = False


@dataclass(slots=True)
class Place:
    """One statement's surroundings, and what was found of it so far."""

    snapshot: Snapshot
    database: DatabaseSnapshot
    command: str = ""
    temporary: frozenset[str] = frozenset()
    needs: set[Need] = field(default_factory=set)
    gaps: set[Gap] = field(default_factory=set)
    # what was looked into already: views, bodies, triggers
    seen: set[tuple[object, ...]] = field(default_factory=set)

    def need(self, role: str, kind: Kind, name: str, operation: str, column: str = "") -> None:
        """A privilege is taken."""
        self.needs.add(Need(role, kind, name, column, operation))

    def gap(self, role: str, reason: str, touches: str = "") -> None:
        """Something is not understood."""
        self.gaps.add(Gap(role, self.command, reason, touches))

    def on(self, who: As, relation: Relation, operation: str, column: str = "") -> None:
        """A privilege on a relation is taken."""
        kind: Kind = "sequence" if relation.kind == "S" else "relation"
        self.need(who.checked, kind, relation_name(relation), operation, "" if kind == "sequence" else column)

    def takes(self, who: As, relation: Relation, operation: str) -> bool:
        """Whether a privilege on a relation is taken already."""
        name = relation_name(relation)
        return any(
            (one.role, one.name, one.operation) == (who.checked, name, operation) for one in self.needs
        )

    def schema(self, who: As, schema: str, operation: str = "USAGE") -> None:
        """A schema is named, or made to hold something."""
        if who.named and any(one.name == schema for one in self.database.schemas):
            self.need(who.user, "schema", ident(schema), operation)

    def relation(self, who: As, fields: Tree) -> Relation | None:
        """The relation that a RangeVar means; None for temporary ones, the system's, and those not there."""
        schema, name = str(fields.get("schemaname", "")), str(fields.get("relname", ""))
        return self.relation_named(who, schema, name)

    def relation_named(self, who: As, schema: str, name: str) -> Relation | None:
        """The relation of a name as written, its schema perhaps empty."""
        if schema.startswith(_TEMPORARY) or (not schema and name in self.temporary):
            return None
        found = self._look_up(who, schema, name)
        if found is not None:
            self.schema(who, found.schema)
            return found
        # an inspection looks for the audit store in databases that have none, and reads nothing there
        if schema in SYSTEM or schema == _AUDIT or (not schema and name.startswith("pg_")):
            return None
        alike = [relation_name(one) for one in self.database.relations if one.name == name]
        for one in alike or [NOTHING]:
            self.gap(who.checked, "it names a relation that is not there", one)
        return None

    def _look_up(self, who: As, schema: str, name: str) -> Relation | None:
        if schema:
            return catalog.relation_named(self.database, schema, name)
        system = () if _CATALOG in who.path else (_CATALOG,)
        found = [catalog.relation_named(self.database, one, name) for one in (*system, *who.path)]
        there = [one for one in found if one is not None]
        # a schema that one may not use is passed over as if it were not there
        return next((one for one in there if self._enters(who.user, one.schema)), there[0] if there else None)

    def _enters(self, role: str, schema: str) -> bool:
        return role in uses_schema(self.snapshot, self.database, schema) or role in superusers(self.snapshot)

    def functions(self, who: As, call: Called) -> list[Function]:
        """The functions of the database that a call may mean."""
        found = []
        for function in _by_name(self.database).get(call.name, ()):
            if call.schema == function.schema or (
                not call.schema and function.schema in (*who.path, _CATALOG)
            ):
                takes = sum(one.input for one in arguments(function))
                given = len(call.arguments) + len(call.named)
                if given <= takes or "v" in function.argument_modes:
                    found.append(function)
        return found


def _by_name(database: DatabaseSnapshot) -> dict[str, list[Function]]:
    known: dict[str, list[Function]] | None = database._memo.get("all functions by name")
    if known is None:
        known = {}
        for function in database.functions:
            known.setdefault(function.name, []).append(function)
        database._memo["all functions by name"] = known
    return known
