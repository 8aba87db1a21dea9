"""Which logins can really make use of a privilege: everything that has to come together for it.

A login acts with its own rights, those it inherits, and those of every role that it can become by
SET ROLE. Superusers are left out everywhere here: they are able to do anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.access import may_connect, uses_schema
from pgguard.analysis.membership import becomers_by_path, heirs, heirs_by_path, plain_logins, superusers
from pgguard.analysis.privileges import holder_names, of_cluster, of_function, of_schema

if TYPE_CHECKING:
    from pgguard.analysis.privileges import Securable
    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot


def able(snapshot: Snapshot, database: DatabaseSnapshot, thing: Securable, privilege: str) -> frozenset[str]:
    """The logins that can use a privilege on an object: with CONNECT, USAGE on its schema, and itself.

    Raises `Unread` when roles, memberships or ACLs could not be read.
    """
    key = ("able", thing.kind, thing.acl, thing.column_acl, thing.schema, thing.read_only, privilege)
    known: frozenset[str] | None = database._memo.get(key)
    if known is None:
        names = holder_names(snapshot, thing, privilege)
        if thing.schema:
            names &= uses_schema(snapshot, database, thing.schema)
        known = database._memo[key] = _logins(snapshot, database, names)
    return known


def callers(snapshot: Snapshot, database: DatabaseSnapshot, function: Function) -> frozenset[str]:
    """The logins that can call a function."""
    return able(snapshot, database, of_function(database, function), "EXECUTE")


def creators(snapshot: Snapshot, database: DatabaseSnapshot, schema: str) -> frozenset[str]:
    """The logins that can create objects in a schema; none in a schema of the system."""
    for row in database.schemas:
        if row.name == schema:
            return able(snapshot, database, of_schema(database, row.name, row.owner, row.acl), "CREATE")
    return frozenset()


def on_database(snapshot: Snapshot, database: DatabaseSnapshot, privilege: str) -> frozenset[str]:
    """The logins that hold CREATE (schemas) or TEMPORARY on a database."""
    for row in snapshot.databases:
        if row.name == database.name:
            thing = of_cluster(snapshot, "database", row.name, row.owner, row.acl)
            return able(snapshot, database, thing, privilege)
    return frozenset()


def logins_of(snapshot: Snapshot, role: str) -> frozenset[str]:
    """The logins that have a role's rights, whatever the database; every login for PUBLIC."""
    key = ("logins of", role)
    known: frozenset[str] | None = snapshot._memo.get(key)
    if known is None:
        acting = becomers_by_path(snapshot, heirs(snapshot, role) - superusers(snapshot))
        known = snapshot._memo[key] = plain_logins(snapshot) & acting.keys()
    return known


def acting_as(snapshot: Snapshot, database: DatabaseSnapshot, role: str) -> frozenset[str]:
    """The logins that have a role's rights in a database, itself included when it logs in."""
    key = ("acting as", role)
    known: frozenset[str] | None = database._memo.get(key)
    if known is None:
        names = frozenset(heirs_by_path(snapshot, [role], database.name))
        known = database._memo[key] = _logins(snapshot, database, names)
    return known


def _logins(snapshot: Snapshot, database: DatabaseSnapshot, names: frozenset[str]) -> frozenset[str]:
    acting = becomers_by_path(snapshot, names - superusers(snapshot), database.name)
    return frozenset(
        role.name
        for role in snapshot.roles
        if role.login
        and not role.superuser
        and role.name in acting
        and may_connect(snapshot, role, database.name)
    )
