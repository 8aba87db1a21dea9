"""Role membership: whose privileges a role has, and which roles it can become.

PostgreSQL manual, 22.3 Role Membership. INHERIT is a property of the membership from 16 on and of
the member before; the snapshot has folded the two. Superusers have every role's privileges: that is
answered by `Role.superuser`, not here.

From 14 on the owner of the current database is a member of pg_database_owner without any grant
(manual, 22.5 Predefined Roles). Where that matters the functions take the name of the `database`;
without it the implicit membership is not followed.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pgguard.model.rows import Membership, Role
    from pgguard.model.snapshot import Snapshot

DATABASE_OWNER = "pg_database_owner"


def inherited_roles(snapshot: Snapshot, role: str, database: str = "") -> Mapping[str, tuple[str, ...]]:
    """The roles whose privileges `role` has without SET ROLE, itself included, each with its path.

    A path lists the roles from `role` to the one held.
    """
    found = _reach(snapshot, role, lambda edge: edge.inherit, "inherit")
    owner = _implicit_member(snapshot, database)
    if owner in found and _inherits_ownership(snapshot, owner):
        return {DATABASE_OWNER: (*found[owner], DATABASE_OWNER), **found}
    return found


def settable_roles(snapshot: Snapshot, role: str, database: str = "") -> Mapping[str, tuple[str, ...]]:
    """The roles that `role` can become by SET ROLE, itself included, each with its path."""
    found = _reach(snapshot, role, lambda edge: edge.set, "set")
    owner = _implicit_member(snapshot, database)
    return {DATABASE_OWNER: (*found[owner], DATABASE_OWNER), **found} if owner in found else found


def all_roles(snapshot: Snapshot, role: str, database: str = "") -> Mapping[str, tuple[str, ...]]:
    """Every role that `role` is a member of, whatever the options, each with its path."""
    found = _reach(snapshot, role, lambda edge: True, "any")
    owner = _implicit_member(snapshot, database)
    return {DATABASE_OWNER: (*found[owner], DATABASE_OWNER), **found} if owner in found else found


def members(snapshot: Snapshot, role: str) -> frozenset[str]:
    """Every role that is a direct or indirect member of `role`, itself left out."""
    return frozenset(_spread(snapshot, [role], lambda edge: True, "")) - {role}


def heirs(snapshot: Snapshot, role: str, database: str = "") -> frozenset[str]:
    """Every role that has the privileges of `role` by inheritance, itself included; all for PUBLIC."""
    if role == PUBLIC:
        return frozenset(one.name for one in snapshot.roles)
    memo = snapshot._memo.setdefault("heirs", {})
    key = (role, database if role == DATABASE_OWNER else "")
    known: frozenset[str] | None = memo.get(key)
    if known is None:
        known = memo[key] = frozenset(heirs_by_path(snapshot, [role], database))
    return known


def heirs_by_path(
    snapshot: Snapshot, roles: Iterable[str], database: str = ""
) -> Mapping[str, tuple[str, ...]]:
    """Every role that has the privileges of one of `roles` by inheritance, with its shortest path.

    A path lists the roles from the heir to the one of `roles` that it ends at.
    """
    owner = _implicit_member(snapshot, database)
    inherits = bool(owner) and _inherits_ownership(snapshot, owner)
    return _spread(snapshot, roles, lambda edge: edge.inherit, owner if inherits else "")


def becomers_by_path(
    snapshot: Snapshot, roles: Iterable[str], database: str = ""
) -> Mapping[str, tuple[str, ...]]:
    """Every role that can become one of `roles` by SET ROLE, with its shortest path; they themselves too."""
    return _spread(snapshot, roles, lambda edge: edge.set, _implicit_member(snapshot, database))


def logins(snapshot: Snapshot) -> tuple[Role, ...]:
    """The roles that can log in."""
    return tuple(role for role in snapshot.roles if role.login)


def plain_logins(snapshot: Snapshot) -> frozenset[str]:
    """The names of the logins, superusers aside."""
    known: frozenset[str] | None = snapshot._memo.get("plain logins")
    if known is None:
        known = frozenset(role.name for role in snapshot.roles if role.login and not role.superuser)
        snapshot._memo["plain logins"] = known
    return known


def superusers(snapshot: Snapshot) -> frozenset[str]:
    """The names of the superusers."""
    known: frozenset[str] | None = snapshot._memo.get("superusers")
    if known is None:
        known = frozenset(role.name for role in snapshot.roles if role.superuser)
        snapshot._memo["superusers"] = known
    return known


def login_heirs(snapshot: Snapshot, role: str) -> tuple[str, ...]:
    """The logins, superusers aside, that have the privileges of `role` by inheritance, in order of name."""
    return tuple(sorted(plain_logins(snapshot) & heirs(snapshot, role)))


def _reach(
    snapshot: Snapshot, role: str, follows: Callable[[Membership], bool], kind: str
) -> Mapping[str, tuple[str, ...]]:
    memo = snapshot._memo.setdefault(("reach", kind), {})
    known: Mapping[str, tuple[str, ...]] | None = memo.get(role)
    if known is not None:
        return known
    parents = _edges(snapshot, "parents", key=lambda edge: edge.member)
    found: dict[str, tuple[str, ...]] = {role: (role,)}
    queue = deque([role])
    while queue:
        here = queue.popleft()
        for edge in parents.get(here, ()):
            if follows(edge) and edge.role not in found:
                found[edge.role] = (*found[here], edge.role)
                queue.append(edge.role)
    memo[role] = found
    return found


def _spread(
    snapshot: Snapshot, roles: Iterable[str], follows: Callable[[Membership], bool], database_owner: str
) -> dict[str, tuple[str, ...]]:
    children = _edges(snapshot, "members", key=lambda edge: edge.role)
    found: dict[str, tuple[str, ...]] = {role: (role,) for role in sorted(roles)}
    queue = deque(found)
    while queue:
        here = queue.popleft()
        for edge in children.get(here, ()):
            if follows(edge) and edge.member not in found:
                found[edge.member] = (edge.member, *found[here])
                queue.append(edge.member)
        if here == DATABASE_OWNER and database_owner and database_owner not in found:
            found[database_owner] = (database_owner, *found[here])
            queue.append(database_owner)
    return found


def _edges(snapshot: Snapshot, kind: str, key: Callable[[Membership], str]) -> Mapping[str, list[Membership]]:
    known: dict[str, list[Membership]] | None = snapshot._memo.get(("memberships", kind))
    if known is None:
        known = {}
        for edge in snapshot.memberships:
            known.setdefault(key(edge), []).append(edge)
        snapshot._memo[("memberships", kind)] = known
    return known


def _implicit_member(snapshot: Snapshot, database: str) -> str:
    """The owner of the database, where PostgreSQL has pg_database_owner; else an empty name."""
    if not database or snapshot.role(DATABASE_OWNER) is None:
        return ""
    owners: dict[str, str] | None = snapshot._memo.get("database owners")
    if owners is None:
        owners = snapshot._memo["database owners"] = {row.name: row.owner for row in snapshot.databases}
    return owners.get(database, "")


def _inherits_ownership(snapshot: Snapshot, owner: str) -> bool:
    # before 16 a NOINHERIT role inherits nothing, the implicit membership included
    role = snapshot.role(owner)
    return snapshot.major >= 16 or (role is not None and role.inherit)
