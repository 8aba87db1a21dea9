"""Which logins can really read something because somebody granted it to them or to a role of theirs.

Grants to PUBLIC, predefined roles and superusers are left out: what those reach is everything, and
has checks of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import routes
from pgguard.analysis.access import connectors, uses_schema
from pgguard.analysis.membership import becomers_by_path, heirs, plain_logins, superusers
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.analysis.privileges import Securable
    from pgguard.analysis.routes import Route
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot


def granted(
    snapshot: Snapshot, database: DatabaseSnapshot, thing: Securable, privilege: str = "SELECT"
) -> frozenset[str]:
    """The logins that can use a privilege by grants to named roles, at once or after SET ROLE."""
    # thousands of tables share a handful of ACLs
    key = ("granted by", thing.schema, thing.acl, thing.column_acl, privilege)
    known: frozenset[str] | None = database._memo.get(key)
    if known is None:
        roles = grantees(database, thing, privilege)
        known = frozenset[str]().union(*(_logins(snapshot, database, thing.schema, role) for role in roles))
        database._memo[key] = known
    return known


def grantees(database: DatabaseSnapshot, thing: Securable, privilege: str) -> tuple[str, ...]:
    """The roles that an ACL names for a privilege, PUBLIC left out."""
    grants = (*database.grants(thing.acl), *database.grants(thing.column_acl))
    found = (one.grantee for one in grants if one.privilege == privilege and one.grantee != PUBLIC)
    return tuple(dict.fromkeys(found))


def is_public(database: DatabaseSnapshot, thing: Securable, privilege: str) -> bool:
    """Whether PUBLIC holds the privilege."""
    grants = (*database.grants(thing.acl), *database.grants(thing.column_acl))
    return any(one.privilege == privilege and one.grantee == PUBLIC for one in grants)


def around(
    snapshot: Snapshot, database: DatabaseSnapshot, relation: Relation, column: Column
) -> Mapping[Route, frozenset[str]]:
    """The ways to a column through views, functions and relatives, with the logins granted each of them."""
    found: dict[Route, frozenset[str]] = {}
    for route in routes.to_columns(snapshot, database, relation, frozenset({column.number}), "SELECT"):
        names = granted(snapshot, database, route.thing, route.privilege)
        if route.users is not None:
            names &= route.users
        if names:
            found[route] = names
    return found


def _logins(snapshot: Snapshot, database: DatabaseSnapshot, schema: str, role: str) -> frozenset[str]:
    """The logins that a grant to one role takes as far as a schema's objects."""
    key = ("granted", schema, role)
    known: frozenset[str] | None = database._memo.get(key)
    if known is None:
        names = heirs(snapshot, role, database.name) - superusers(snapshot)
        if schema:
            names &= uses_schema(snapshot, database, schema)
        acting = becomers_by_path(snapshot, names, database.name)
        inside = plain_logins(snapshot) & connectors(snapshot, database.name)
        known = database._memo[key] = inside & acting.keys()
    return known
