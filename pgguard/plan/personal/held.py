"""What a shared login has: everything that its successors need, or that must be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.catalog import relations
from pgguard.analysis.granted import in_cluster, in_database
from pgguard.analysis.names import relation_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.granted import Granted
    from pgguard.model.rows import DefaultAcl, Membership, Relation, Role, RoleSetting, RowPolicy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# what an owner may do with the rows of its tables, and its successors need; changing the table is DDL
_ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")


class HeldGrant(NamedTuple):
    """Privileges on one object that its ACL gives the login: (privilege, with grant option, grantor)."""

    database: str
    granted: Granted
    privileges: tuple[tuple[str, bool, str], ...]


class Owned(NamedTuple):
    """A relation that the login owns, with the privileges that working with its rows takes."""

    database: str
    relation: Relation
    privileges: tuple[str, ...]


class Held(NamedTuple):
    """Everything that one login has."""

    role: Role
    memberships: tuple[Membership, ...]
    grants: tuple[HeldGrant, ...]
    owned: tuple[Owned, ...]
    owned_others: tuple[tuple[str, str], ...]
    defaults: tuple[tuple[str, DefaultAcl, tuple[tuple[str, bool], ...]], ...]
    settings: tuple[RoleSetting, ...]
    policies: tuple[tuple[str, RowPolicy, str], ...]
    mappings: tuple[tuple[str, str], ...]


def held(snapshot: Snapshot, role: Role) -> Held:
    """What the login has in the whole cluster.

    Raises `Unread` when anything that could hold a right of it could not be read: a plan that forgets one
    would take it away.
    """
    name = role.name
    grants = [*_of(in_cluster(snapshot), name, "")]
    owned: list[Owned] = []
    others: list[tuple[str, str]] = []
    defaults: list[tuple[str, DefaultAcl, tuple[tuple[str, bool], ...]]] = []
    policies: list[tuple[str, RowPolicy, str]] = []
    mappings: list[tuple[str, str]] = []
    for database in snapshot.inspected:
        grants += _of(in_database(database), name, database.name)
        owned += _owned(database, name)
        others += [(database.name, f"schema {one.name}") for one in database.schemas if one.owner == name]
        others += [(database.name, f"function {one.name}") for one in database.functions if one.owner == name]
        for entry in database.default_acls:
            some = tuple((g.privilege, g.grantable) for g in database.grants(entry.acl) if g.grantee == name)
            if some and entry.role != name:
                defaults.append((database.name, entry, some))
        tables = relations(database)
        policies += [
            (database.name, one, relation_name(tables[one.relation]))
            for one in database.row_policies
            if name in one.roles and one.relation in tables
        ]
        mappings += [(database.name, one.server) for one in database.user_mappings if one.role == name]
    return Held(
        role,
        tuple(one for one in snapshot.memberships if one.member == name),
        tuple(grants),
        tuple(owned),
        tuple(others),
        tuple(defaults),
        tuple(one for one in snapshot.role_settings if one.role == name),
        tuple(policies),
        tuple(mappings),
    )


def _of(all_granted: Iterator[Granted], name: str, database: str) -> Iterator[HeldGrant]:
    for granted in all_granted:
        # the owner's own entry is not a grant: it stays whatever happens
        if granted.owner == name:
            continue
        some = tuple((g.privilege, g.grantable, g.grantor) for g in granted.grants if g.grantee == name)
        if some:
            yield HeldGrant(database, granted, some)


def _owned(database: DatabaseSnapshot, name: str) -> Iterator[Owned]:
    for relation in database.relations:
        if relation.owner == name and not relation.system:
            sequence = relation.kind == "S"
            yield Owned(database.name, relation, ("USAGE", "SELECT", "UPDATE") if sequence else _ROWS)
