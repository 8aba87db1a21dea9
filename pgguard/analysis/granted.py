"""Everything that carries an ACL, as GRANT and REVOKE name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.catalog import relations
from pgguard.analysis.names import function_name, relation_name
from pgguard.changes.privileges import revoke
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.finding import Change
    from pgguard.model.rows import Column, Function, Grant, LargeObjects, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# what no application needs of a table and GRANT ALL gives
DESTRUCTIVE = frozenset({"TRUNCATE", "TRIGGER", "REFERENCES"})


class Granted(NamedTuple):
    """An object or a column with its grants: `keyword` and `name` are what GRANT says after ON."""

    keyword: str
    name: str
    owner: str
    grants: tuple[Grant, ...]
    column: str = ""

    @property
    def on(self) -> str:
        """TABLE lab.patient, SCHEMA lab, FUNCTION lab.f(text)."""
        return f"{self.keyword} {self.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that the grants are about, if they are about one."""
        return (self.column,) if self.column else ()

    @property
    def told(self) -> str:
        """Its name in prose: tables and functions by their name alone."""
        if self.column:
            return f"{self.name}.{ident(self.column)}"
        plain = self.keyword in ("TABLE", "SEQUENCE", "FUNCTION", "PROCEDURE", "PARAMETER")
        return self.name if plain else f"{self.keyword.lower()} {self.name}"

    def take_back(
        self, grantee: str, privileges: Iterable[str], *, database: str | None, option_only: bool = False
    ) -> tuple[Change, ...]:
        """What takes privileges back from one grantee, as they were granted, or their grant option only."""
        wanted = frozenset(privileges)
        kinds: dict[tuple[str, bool, bool], list[str]] = {}
        for grant in self.grants:
            if (
                grant.grantee == grantee
                and grant.privilege in wanted
                and (grant.grantable or not option_only)
            ):
                by = "" if grant.grantor == self.owner or not self.owner else grant.grantor
                kind = (by, grant.grantable, self._handed_on(grant))
                kinds.setdefault(kind, []).append(grant.privilege)
        return tuple(
            revoke(
                some,
                self.on,
                grantee,
                database=database,
                columns=self.columns,
                grantable=grantable,
                grant_option_only=option_only,
                granted_by=by,
                cascade=handed_on,
            )
            for (by, grantable, handed_on), some in kinds.items()
        )

    def _handed_on(self, grant: Grant) -> bool:
        return grant.grantable and any(
            one.grantor == grant.grantee and one.privilege == grant.privilege for one in self.grants
        )


def relation_keyword(relation: Relation) -> str:
    """What GRANT calls it: SEQUENCE, or TABLE for everything else."""
    return "SEQUENCE" if relation.kind == "S" else "TABLE"


def function_keyword(function: Function) -> str:
    """What GRANT calls it: PROCEDURE, or FUNCTION for everything else."""
    return "PROCEDURE" if function.kind == "p" else "FUNCTION"


def of_relation(database: DatabaseSnapshot, relation: Relation) -> Granted:
    """A table, view or sequence."""
    return Granted(
        relation_keyword(relation), relation_name(relation), relation.owner, database.grants(relation.acl)
    )


def of_column(database: DatabaseSnapshot, relation: Relation, column: Column) -> Granted:
    """A column, with the grants on it alone."""
    return of_relation(database, relation)._replace(grants=database.grants(column.acl), column=column.name)


def of_function(database: DatabaseSnapshot, function: Function) -> Granted:
    """A function, procedure or aggregate."""
    return Granted(
        function_keyword(function), function_name(function), function.owner, database.grants(function.acl)
    )


def of_large_object(database: DatabaseSnapshot, group: LargeObjects) -> Granted:
    """The large object that stands for a group of the same owner and ACL."""
    return Granted("LARGE OBJECT", str(group.example), group.owner, database.grants(group.acl))


def in_database(database: DatabaseSnapshot) -> Iterator[Granted]:
    """What carries an ACL in one database, large objects aside (there may be millions)."""
    of = database.grants
    for relation in database.relations:
        yield of_relation(database, relation)
    tables = relations(database)
    for column in database.columns:
        if column.acl and column.relation in tables:
            yield of_column(database, tables[column.relation], column)
    for schema in database.schemas:
        yield Granted("SCHEMA", ident(schema.name), schema.owner, of(schema.acl))
    for function in database.functions:
        yield of_function(database, function)
    for language in database.languages:
        yield Granted("LANGUAGE", ident(language.name), language.owner, of(language.acl))
    for wrapper in database.foreign_data_wrappers:
        yield Granted("FOREIGN DATA WRAPPER", ident(wrapper.name), wrapper.owner, of(wrapper.acl))
    for server in database.foreign_servers:
        yield Granted("FOREIGN SERVER", ident(server.name), server.owner, of(server.acl))


def in_cluster(snapshot: Snapshot) -> Iterator[Granted]:
    """What carries an ACL and belongs to the whole cluster; a parameter has no owner."""
    for database in snapshot.databases:
        yield Granted("DATABASE", ident(database.name), database.owner, snapshot.grants(database.acl))
    for tablespace in snapshot.tablespaces:
        yield Granted("TABLESPACE", ident(tablespace.name), tablespace.owner, snapshot.grants(tablespace.acl))
    for parameter in snapshot.parameter_acls:
        name = ".".join(ident(part) for part in parameter.name.split("."))
        yield Granted("PARAMETER", name, "", snapshot.grants(parameter.acl))
