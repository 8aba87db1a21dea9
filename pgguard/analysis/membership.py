"""Role membership: whose privileges a role has, and which roles it can become.

PostgreSQL manual, 22.3 Role Membership. INHERIT is a property of the membership from 16 on and of
the member before; the snapshot has folded the two. Superusers have every role's privileges: that is
answered by `Role.superuser`, not here.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pgguard.model.rows import Membership, Role
    from pgguard.model.snapshot import Snapshot


def inherited_roles(snapshot: Snapshot, role: str) -> Mapping[str, tuple[str, ...]]:
    """The roles whose privileges `role` has without SET ROLE, itself included, each with its path.

    A path lists the roles from `role` to the one held. pg_database_owner's implicit membership is
    not followed: it depends on the database.
    """
    return _reach(snapshot, role, lambda edge: edge.inherit, "inherit")


def settable_roles(snapshot: Snapshot, role: str) -> Mapping[str, tuple[str, ...]]:
    """The roles that `role` can become by SET ROLE, itself included, each with its path."""
    return _reach(snapshot, role, lambda edge: edge.set, "set")


def all_roles(snapshot: Snapshot, role: str) -> Mapping[str, tuple[str, ...]]:
    """Every role that `role` is a member of, whatever the options, each with its path."""
    return _reach(snapshot, role, lambda edge: True, "any")


def members(snapshot: Snapshot, role: str) -> frozenset[str]:
    """Every role that is a direct or indirect member of `role`, itself left out."""
    children = _edges(snapshot, "members", key=lambda edge: edge.role)
    found: set[str] = set()
    queue = deque([role])
    while queue:
        for edge in children.get(queue.popleft(), ()):
            if edge.member not in found:
                found.add(edge.member)
                queue.append(edge.member)
    found.discard(role)
    return frozenset(found)


def heirs(snapshot: Snapshot, role: str) -> frozenset[str]:
    """Every role that has the privileges of `role` by inheritance, itself included; all for PUBLIC."""
    if role == PUBLIC:
        return frozenset(one.name for one in snapshot.roles)
    children = _edges(snapshot, "members", key=lambda edge: edge.role)
    found = {role}
    queue = deque([role])
    while queue:
        for edge in children.get(queue.popleft(), ()):
            if edge.inherit and edge.member not in found:
                found.add(edge.member)
                queue.append(edge.member)
    return frozenset(found)


def logins(snapshot: Snapshot) -> tuple[Role, ...]:
    """The roles that can log in."""
    return tuple(role for role in snapshot.roles if role.login)


def login_heirs(snapshot: Snapshot, role: str) -> tuple[str, ...]:
    """The logins, superusers aside, that have the privileges of `role` by inheritance, in order of name."""
    having = heirs(snapshot, role)
    return tuple(
        sorted(one.name for one in snapshot.roles if one.login and not one.superuser and one.name in having)
    )


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


def _edges(snapshot: Snapshot, kind: str, key: Callable[[Membership], str]) -> Mapping[str, list[Membership]]:
    known: dict[str, list[Membership]] | None = snapshot._memo.get(("memberships", kind))
    if known is None:
        known = {}
        for edge in snapshot.memberships:
            known.setdefault(key(edge), []).append(edge)
        snapshot._memo[("memberships", kind)] = known
    return known
