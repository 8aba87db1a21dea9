"""Who gets at an object: the privileges that have to come together for a grant to take effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import heirs, inherited_roles, plain_logins
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.rows import Grant, Role
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

READ_ALL = "pg_read_all_data"
WRITE_ALL = "pg_write_all_data"


def holds(snapshot: Snapshot, grants: Iterable[Grant], privilege: str, role: str, database: str = "") -> bool:
    """Whether `role` has the privilege by these grants: its own, inherited, or PUBLIC's."""
    own = inherited_roles(snapshot, role, database) if role != PUBLIC else {}
    return any(
        grant.privilege == privilege and (grant.grantee == PUBLIC or grant.grantee in own) for grant in grants
    )


def may_connect(snapshot: Snapshot, role: Role, database: str) -> bool:
    """Whether the role has CONNECT on a database that accepts connections."""
    rows = snapshot._memo.get("database rows")
    if rows is None:
        rows = snapshot._memo["database rows"] = {row.name: row for row in snapshot.databases}
    row = rows.get(database)
    if row is None or not row.allow_connections:
        return False
    if role.superuser:
        return True
    key = ("connect", database)
    known = snapshot._memo.get(key)
    if known is None:
        names: set[str] = set()
        for grant in snapshot.grants(row.acl):
            if grant.privilege == "CONNECT":
                names |= heirs(snapshot, grant.grantee)
        known = snapshot._memo[key] = frozenset(names)
    return role.name in known


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
