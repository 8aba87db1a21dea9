"""Who holds what a step starts from, and who passes the gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.access import uses_schema
from pgguard.analysis.escalation.graph import Edge, Gate, Node, rights
from pgguard.analysis.escalation.roles import above, below
from pgguard.analysis.membership import DATABASE_OWNER, heirs, plain_logins, superusers
from pgguard.changes.privileges import revoke
from pgguard.model.quote import grantee as quoted
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.analysis.escalation.graph import EdgeKind
    from pgguard.model.finding import Change
    from pgguard.model.rows import Grant
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot


_VERBS = {"EXECUTE": "execute", "USAGE": "use", "INSERT": "INSERT INTO", "DELETE": "DELETE FROM"}


def owner_named(snapshot: Snapshot, owner: str) -> str:
    """A role in prose, told as superuser where it is one."""
    return f"superuser {ident(owner)}" if owner in superusers(snapshot) else ident(owner)


def owned(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    owner: str,
    schema: str,
    target: Node,
    what: str,
    *,
    kind: EdgeKind = "ownership",
    needs: str = "",
    cut: tuple[Change, ...] = (),
) -> Iterator[Edge]:
    """The step from an object's owner, unless it is superuser or may not even name its object.

    `what` ends the sentence "owner owns ...".
    """
    users = uses_schema(snapshot, database, schema)
    if owner not in superusers(snapshot) and (owner in users or PUBLIC in users):
        why = f"{ident(owner)} owns {what}"
        yield Edge(kind, rights(owner, database.name), target, why, needs, cut)


def granted(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    grants: Iterable[Grant],
    privilege: str,
    on: str,
    owner: str,
    schema: str,
    target: Node,
    *,
    kind: EdgeKind = "grant",
    what: str = "",
    columns: tuple[str, ...] = (),
) -> Iterator[Edge]:
    """The steps from those who were granted a privilege; the object's owner and superusers aside.

    `on` is keyword and quoted name, as in GRANT; `what` is said of the object after its name.
    """
    name = on.partition(" ")[2]
    verb = _VERBS.get(privilege, privilege)
    for grant in grants:
        if grant.privilege != privilege or grant.grantee == owner or grant.grantee in superusers(snapshot):
            continue
        cut = revoke(
            [privilege],
            on,
            grant.grantee,
            database=database.name,
            columns=columns,
            grantable=grant.grantable,
        )
        for user in users_of_grant(snapshot, database, grant.grantee, schema):
            why = f"{quoted(user)} may {verb} {name}{what}"
            yield Edge(kind, rights(user, database.name), target, why, cut=(cut,))


def users_of_grant(
    snapshot: Snapshot, database: DatabaseSnapshot, grantee: str, schema: str
) -> tuple[str, ...]:
    """The roles highest up that have a grant's privilege and USAGE on the schema, PUBLIC among them."""
    if schema == "pg_catalog":
        return (grantee,)
    users = uses_schema(snapshot, database, schema)
    if grantee in users or PUBLIC in users:
        return (grantee,)
    holding = users if grantee == PUBLIC else heirs(snapshot, grantee, database.name) & users
    holding -= superusers(snapshot)
    return tuple(sorted(name for name in holding if holding.isdisjoint(above(snapshot, [name]) - {name})))


def creating(snapshot: Snapshot, database: DatabaseSnapshot, schema: str) -> frozenset[str]:
    """The roles that may create in a schema by its ACL, superusers aside.

    For a schema that is not there, those that may make it. PUBLIC and the members of a role stand
    under its name.
    """
    known: dict[str, frozenset[str]] | None = database._memo.get("escalation creating")
    if known is None:
        known = database._memo["escalation creating"] = {
            row.name: _named(
                snapshot,
                database.name,
                (grant.grantee for grant in database.grants(row.acl) if grant.privilege == "CREATE"),
            )
            for row in database.schemas
        }
    found = known.get(schema)
    return _holding(snapshot, database.name, "CREATE") if found is None else found


def passers(snapshot: Snapshot, gate: Gate) -> frozenset[str]:
    """The logins, superusers aside, that pass a gate, with the rights of the roles they can become too.

    Raises `Unread` when databases, schemas or ACLs could not be read.
    """
    if gate.what == "connect":
        names = _holding(snapshot, gate.database, "CONNECT")
        # SET ROLE comes after the connection
        reach = below(snapshot, names, lambda row: row.inherit or row.admin)
    else:
        names = frozenset()
        if gate.what in ("temporary", "function"):
            names |= _holding(snapshot, gate.database, "TEMPORARY")
        if gate.what in ("create", "function") and not gate.schema:
            names |= _holding(snapshot, gate.database, "CREATE")
        for database in snapshot.inspected:
            if gate.what in ("create", "function") and database.name == gate.database:
                for schema in database.schemas:
                    if gate.schema in ("", schema.name):
                        names |= creating(snapshot, database, schema.name)
        reach = below(snapshot, names, lambda row: True)
    return plain_logins(snapshot) if PUBLIC in names else plain_logins(snapshot) & reach


def _holding(snapshot: Snapshot, database: str, privilege: str) -> frozenset[str]:
    return frozenset().union(
        *(
            _named(
                snapshot,
                database,
                (grant.grantee for grant in snapshot.grants(row.acl) if grant.privilege == privilege),
            )
            for row in snapshot.databases
            if row.name == database and row.allow_connections
        )
    )


def _named(snapshot: Snapshot, database: str, grantees: Iterable[str]) -> frozenset[str]:
    """The grantees without superusers, the owner of the database in place of pg_database_owner."""
    owner = {row.name: row.owner for row in snapshot.databases}.get(database, DATABASE_OWNER)
    names = {owner if name == DATABASE_OWNER else name for name in grantees}
    return frozenset(names) - superusers(snapshot)
