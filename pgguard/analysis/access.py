"""Who gets at an object: the privileges that have to come together for a grant to take effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import DATABASE_OWNER, heirs, inherited_roles, plain_logins
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.rows import Grant, Role
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

READ_ALL = "pg_read_all_data"
WRITE_ALL = "pg_write_all_data"
# the connection limit of a database that DROP DATABASE left half removed
INVALID = -2


def holds(snapshot: Snapshot, grants: Iterable[Grant], privilege: str, role: str, database: str = "") -> bool:
    """Whether `role` has the privilege by these grants: its own, inherited, or PUBLIC's."""
    own = inherited_roles(snapshot, role, database) if role != PUBLIC else {}
    return any(
        grant.privilege == privilege and (grant.grantee == PUBLIC or grant.grantee in own) for grant in grants
    )


def may_connect(snapshot: Snapshot, role: Role, database: str) -> bool:
    """Whether the server takes the role into a database once pg_hba.conf has let it pass.

    It takes CONNECT, a database that accepts connections, and no limit of 0 on either; superusers are
    held up by the second alone. LOGIN is not asked for.
    """
    return role.name in connectors(snapshot, database)


def connectors(snapshot: Snapshot, database: str) -> frozenset[str]:
    """The roles that the server takes into a database; the same set for databases with the same rights."""
    rows = snapshot._memo.get("database rows")
    if rows is None:
        rows = snapshot._memo["database rows"] = {row.name: row for row in snapshot.databases}
    row = rows.get(database)
    if row is None or not row.allow_connections or row.connection_limit == INVALID:
        return frozenset()
    grantees = () if row.connection_limit == 0 else _connect_grantees(snapshot, row.acl)
    # pg_database_owner stands for somebody else in each database
    key = ("connectors", frozenset(grantees), row.owner if DATABASE_OWNER in grantees else "")
    known: frozenset[str] | None = snapshot._memo.get(key)
    if known is None:
        names = {name for grantee in grantees for name in heirs(snapshot, grantee, database)}
        known = snapshot._memo[key] = frozenset(
            role.name
            for role in snapshot.roles
            if role.superuser or (role.name in names and role.connection_limit != 0)
        )
    return known


def _connect_grantees(snapshot: Snapshot, acl: str) -> tuple[str, ...]:
    return tuple(grant.grantee for grant in snapshot.grants(acl) if grant.privilege == "CONNECT")


def uses_schema(snapshot: Snapshot, database: DatabaseSnapshot, schema: str) -> frozenset[str]:
    """The roles, PUBLIC among them, that have USAGE on a schema; superusers aside."""
    key = ("schema users", schema)
    known: frozenset[str] | None = database._memo.get(key)
    if known is None:
        names: set[str] = set()
        for row in database.schemas:
            if row.name == schema:
                for grant in database.grants(row.acl):
                    if grant.privilege == "USAGE":
                        names |= heirs(snapshot, grant.grantee, database.name)
                        if grant.grantee == PUBLIC:
                            names.add(PUBLIC)
        if schema == "pg_catalog":
            names |= {role.name for role in snapshot.roles} | {PUBLIC}
        names |= heirs(snapshot, READ_ALL) | heirs(snapshot, WRITE_ALL)
        known = database._memo[key] = frozenset(names)
    return known


def reachable_by(snapshot: Snapshot, database: DatabaseSnapshot, schema: str, grantee: str) -> bool:
    """Whether somebody who holds a grant to `grantee` can get as far as the schema."""
    users = uses_schema(snapshot, database, schema)
    if grantee == PUBLIC:
        return PUBLIC in users or not plain_logins(snapshot).isdisjoint(users)
    return not heirs(snapshot, grantee, database.name).isdisjoint(users)


def logins_with(
    snapshot: Snapshot, database: DatabaseSnapshot, schema: str, grants: Iterable[Grant], privilege: str
) -> tuple[str, ...]:
    """The logins, superusers aside, that have a privilege by these grants and USAGE on the schema."""
    names: set[str] = set()
    for grant in grants:
        if grant.privilege == privilege:
            names |= heirs(snapshot, grant.grantee, database.name)
    return tuple(sorted(names & uses_schema(snapshot, database, schema) & plain_logins(snapshot)))
