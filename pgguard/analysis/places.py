"""Where a stored text stands: the object that a person would name, and what of it the text is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.names import (
    column_subject,
    database_subject,
    extension_subject,
    function_subject,
    relation_subject,
    schema_subject,
)
from pgguard.model.finding import Subject
from pgguard.model.quote import ident
from pgguard.model.rows import MASK

if TYPE_CHECKING:
    from pgguard.model.rows import Definition
    from pgguard.model.snapshot import DatabaseSnapshot


def place(database: DatabaseSnapshot, definition: Definition) -> tuple[Subject, str]:
    """The object that a definition belongs to, and which part of it: "its default", "policy p".

    Texts of objects that the snapshot has no rows of (comments on operators, casts) are the database's.
    Raises `Unread` when what they belong to could not be read.
    """
    kind, oid = definition.kind, definition.oid
    if kind in ("function", "argument"):
        function = catalog.functions(database).get(oid)
        if function is not None:
            return function_subject(database, function), "its body" if kind == "function" else "its default"
    if kind in ("view", "default"):
        return _relation(database, oid, definition.number, "its query" if kind == "view" else "its default")
    if kind == "domain":
        return type_subject(database, oid), "its default"
    if kind == "comment":
        return _commented(database, definition)
    owner = _owners(database).get((_FAMILY.get(kind, kind), oid))
    if owner is not None:
        return _relation(database, owner[0], 0, f"{_FAMILY.get(kind, kind)} {ident(owner[1])}")
    return database_subject(database.name), f"a {kind}"


def type_subject(database: DatabaseSnapshot, oid: int) -> Subject:
    """A domain or another type that somebody made, told with the relations, whose names it shares."""
    known: dict[int, str] | None = database._memo.get("type names")
    if known is None:
        known = {one.oid: one.text for one in database.definitions if one.kind == "type"}
        database._memo["type names"] = known
    # a name that was hidden whole names nothing
    name = known.get(oid, MASK)
    return database_subject(database.name) if name == MASK else Subject("relation", name, database.name)


def server_subject(database: DatabaseSnapshot, name: str) -> Subject:
    """A foreign server, told under its name with the extensions, which bring what it is reached by."""
    return extension_subject(database, name)


_FAMILY = {"policy-using": "policy", "policy-check": "policy"}


def _relation(database: DatabaseSnapshot, oid: int, number: int, what: str) -> tuple[Subject, str]:
    relation = catalog.relations(database).get(oid)
    if relation is None:
        return database_subject(database.name), what
    if number:
        for column in catalog.columns(database, oid):
            if column.number == number:
                return column_subject(database, relation, column), what
    return relation_subject(database, relation), what


def _commented(database: DatabaseSnapshot, definition: Definition) -> tuple[Subject, str]:
    if definition.catalog == "pg_class":
        return _relation(database, definition.oid, definition.number, "its comment")
    if definition.catalog == "pg_proc" and definition.oid in catalog.functions(database):
        return function_subject(database, catalog.functions(database)[definition.oid]), "its comment"
    if definition.catalog == "pg_type":
        return type_subject(database, definition.oid), "its comment"
    for schema in database.schemas if definition.catalog == "pg_namespace" else ():
        if schema.oid == definition.oid:
            return schema_subject(database, schema.name), "its comment"
    owner = _owners(database).get((_CATALOGS.get(definition.catalog, ""), definition.oid))
    if owner is not None:
        kind = _CATALOGS[definition.catalog]
        return _relation(database, owner[0], 0, f"the comment on its {kind} {ident(owner[1])}")
    return database_subject(database.name), f"a comment on an object of {definition.catalog}"


_CATALOGS = {
    "pg_constraint": "check",
    "pg_policy": "policy",
    "pg_rewrite": "rule",
    "pg_trigger": "trigger",
}


def _owners(database: DatabaseSnapshot) -> dict[tuple[str, int], tuple[int, str]]:
    """The relation and the name of what hangs on relations, by kind and oid."""
    known: dict[tuple[str, int], tuple[int, str]] | None = database._memo.get("owners of definitions")
    if known is None:
        known = {("check", one.oid): (one.relation, one.name) for one in database.constraints}
        known |= {("policy", one.oid): (one.relation, one.name) for one in database.row_policies}
        known |= {("index", one.oid): (one.relation, one.name) for one in database.indexes}
        known |= {("rule", one.oid): (one.relation, one.name) for one in database.rules}
        known |= {("trigger", one.oid): (one.relation, one.name) for one in database.triggers}
        database._memo["owners of definitions"] = known
    return known
