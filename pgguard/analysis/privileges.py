"""Effective privileges: for whom the server's own has_*_privilege functions answer true, and why.

The rules are those of the manual's 5.8 Privileges and 22.5 Predefined Roles. An owner's rights are
entries of the ACL, so that an owner who revoked them has them no more; superusers hold everything. A
privilege on a table counts whether or not its holder has USAGE on the schema, as the server's
functions have it: `may_enter` and `may_name` say who cannot make use of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.access import READ_ALL, WRITE_ALL, may_connect, uses_schema
from pgguard.analysis.membership import heirs, heirs_by_path, superusers
from pgguard.analysis.names import function_name, relation_name
from pgguard.model.quote import ident, qualified
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.model.rows import Column, Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

MAINTAIN_ALL = "pg_maintain"
# what aclexplode calls the privileges that a kind of object has (manual, table 5.2)
PRIVILEGES: Mapping[str, tuple[str, ...]] = {
    "table": ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"),
    "column": ("SELECT", "INSERT", "UPDATE", "REFERENCES"),
    "sequence": ("USAGE", "SELECT", "UPDATE"),
    "function": ("EXECUTE",),
    "schema": ("USAGE", "CREATE"),
    "database": ("CONNECT", "CREATE", "TEMPORARY"),
    "language": ("USAGE",),
    "foreign data wrapper": ("USAGE",),
    "foreign server": ("USAGE",),
    "tablespace": ("CREATE",),
    "parameter": ("SET", "ALTER SYSTEM"),
    "large object": ("SELECT", "UPDATE"),
}
_RELATIONS = frozenset({"table", "column", "sequence"})
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE"})


class Securable(NamedTuple):
    """One object that privileges are granted on.

    `kind` is a key of PRIVILEGES (views and foreign tables are of kind table); `name` is its SQL
    name, for a column with `whole` the name of its table. `home` is where its ACL is spelled out,
    `database` the database that pg_database_owner is judged in, `schema` the one whose USAGE it takes
    to get there (empty: none).
    """

    kind: str
    name: str
    whole: str
    owner: str
    acl: str
    column_acl: str
    schema: str
    read_only: bool
    home: DatabaseSnapshot | Snapshot
    database: str


class Way(NamedTuple):
    """How a role holds a privilege.

    `roles` leads from the role to the one that holds it itself; `by` is superuser, owner, grant,
    public or predefined; `on` names the object of the grant, which may be the table of a column.
    """

    roles: tuple[str, ...]
    by: str
    on: str


class Step(NamedTuple):
    """One step of a path; the three together read as a sentence."""

    source: str
    verb: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} {self.verb} {self.target}"


def of_relation(database: DatabaseSnapshot, relation: Relation) -> Securable:
    """A table, view, materialized view, foreign table or sequence."""
    return Securable(
        kind="sequence" if relation.kind == "S" else "table",
        name=relation_name(relation),
        whole=relation_name(relation),
        owner=relation.owner,
        acl=relation.acl,
        column_acl="",
        schema=relation.schema,
        # nobody but superusers writes to the catalog, whatever its ACL says
        read_only=relation.system and relation.kind != "v",
        home=database,
        database=database.name,
    )


def of_column(database: DatabaseSnapshot, relation: Relation, column: Column) -> Securable:
    """A column; whoever holds a privilege on its table holds it too."""
    return of_relation(database, relation)._replace(
        kind="column",
        name=qualified(relation.schema, relation.name, column.name),
        column_acl=column.acl,
    )


def of_function(database: DatabaseSnapshot, function: Function) -> Securable:
    """A function, procedure or aggregate."""
    name = function_name(function)
    return _plain("function", name, function.owner, function.acl, database)._replace(schema=function.schema)


def of_schema(database: DatabaseSnapshot, name: str, owner: str, acl: str) -> Securable:
    """A schema."""
    return _plain("schema", ident(name), owner, acl, database)


def of_other(database: DatabaseSnapshot, kind: str, name: str, owner: str, acl: str) -> Securable:
    """A language, foreign data wrapper, foreign server or large object."""
    return _plain(kind, name, owner, acl, database)


def of_cluster(snapshot: Snapshot, kind: str, name: str, owner: str, acl: str) -> Securable:
    """A database, tablespace or parameter."""
    shown = ident(name) if kind != "parameter" else name
    return Securable(
        kind=kind,
        name=shown,
        whole=shown,
        owner=owner,
        acl=acl,
        column_acl="",
        schema="",
        read_only=False,
        home=snapshot,
        database=name if kind == "database" else "",
    )


def holders(snapshot: Snapshot, thing: Securable, privilege: str) -> Mapping[str, Way]:
    """Every role for which the server answers that it has the privilege, with its shortest way.

    Raises `Unread` when roles, memberships or ACLs could not be read.
    """
    found = {name: Way((name,), "superuser", thing.whole) for name in superusers(snapshot)}
    sources = _sources(snapshot, thing, privilege)
    everybody = sources.pop(PUBLIC, None)
    if everybody is not None:
        for role in snapshot.roles:
            found.setdefault(role.name, everybody)
    for name, roles in heirs_by_path(snapshot, sources, thing.database).items():
        # its own grant is as short as everybody's, and tells more
        if name not in found or (everybody is not None and len(roles) == 1 and found[name] is everybody):
            found[name] = sources[roles[-1]]._replace(roles=roles)
    return found


def holder_names(snapshot: Snapshot, thing: Securable, privilege: str) -> frozenset[str]:
    """The names of `holders`, computed once for all objects that share their ACLs."""
    key = ("holders", thing.kind, thing.acl, thing.column_acl, thing.read_only, privilege, thing.database)
    known: frozenset[str] | None = thing.home._memo.get(key)
    if known is None:
        names = set(superusers(snapshot))
        for source in _sources(snapshot, thing, privilege):
            names |= heirs(snapshot, source, thing.database)
        known = thing.home._memo[key] = frozenset(names)
    return known


def steps(way: Way, privilege: str) -> tuple[Step, ...]:
    """A way as sentences: the memberships, then what the last role holds."""
    chain = tuple(
        Step(ident(member), "is a member of", ident(role))
        for member, role in zip(way.roles, way.roles[1:], strict=False)
    )
    last = "PUBLIC" if way.by == "public" else ident(way.roles[-1])
    verb = {
        "superuser": f"as superuser has {privilege} on",
        "owner": "owns",
        "predefined": f"by its nature has {privilege} on",
    }.get(way.by, f"has {privilege} on")
    return (*chain, Step(last, verb, way.on))


def may_enter(snapshot: Snapshot, thing: Securable, login: str) -> bool:
    """Whether a login has CONNECT on the database that an object is in; true outside databases."""
    row = snapshot.role(login)
    return thing.home is snapshot or (row is not None and may_connect(snapshot, row, thing.database))


def may_name(snapshot: Snapshot, thing: Securable) -> frozenset[str]:
    """The roles that have USAGE on an object's schema, without which privileges on it are no use."""
    home = next((one for one in snapshot.inspected if one is thing.home), None)
    if not thing.schema or home is None:
        return heirs(snapshot, PUBLIC)
    return uses_schema(snapshot, home, thing.schema) | superusers(snapshot)


def _plain(kind: str, name: str, owner: str, acl: str, home: DatabaseSnapshot) -> Securable:
    return Securable(kind, name, name, owner, acl, "", "", False, home, home.name)


def _sources(snapshot: Snapshot, thing: Securable, privilege: str) -> dict[str, Way]:
    found: dict[str, Way] = {}
    if not (thing.read_only and privilege in _WRITES | {"TRUNCATE", "USAGE"}):
        for role in _predefined(thing.kind, privilege):
            if snapshot.role(role) is not None:
                found[role] = Way((role,), "predefined", thing.whole)
        _granted(found, thing, thing.acl, privilege, thing.whole)
    _granted(found, thing, thing.column_acl, privilege, thing.name)
    return found


def _granted(found: dict[str, Way], thing: Securable, acl: str, privilege: str, on: str) -> None:
    for grant in thing.home.grants(acl):
        if grant.privilege == privilege:
            by = "public" if grant.grantee == PUBLIC else "owner" if grant.grantee == thing.owner else "grant"
            # a grant on the table comes first and is kept
            found.setdefault(grant.grantee, Way((grant.grantee,), by, on))


def _predefined(kind: str, privilege: str) -> tuple[str, ...]:
    if kind == "schema" and privilege == "USAGE":
        return (READ_ALL, WRITE_ALL)
    if kind not in _RELATIONS:
        return ()
    if privilege == "SELECT":
        return (READ_ALL,)
    if privilege in _WRITES:
        return (WRITE_ALL,)
    return (MAINTAIN_ALL,) if privilege == "MAINTAIN" else ()
