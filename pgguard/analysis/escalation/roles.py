"""Steps that memberships and attributes of roles give, by version.

Manual, 22.2 Role Attributes, 22.3 Role Membership, 22.5 Predefined Roles, and GRANT. Attributes are
not inherited: they count for who runs code as the role, not for who has its privileges.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pgguard.analysis.escalation.graph import (
    CONFIGURATION,
    COPY,
    EVERYBODY,
    PROGRAMS,
    READ_FILES,
    SUPERUSER,
    VERIFIERS,
    WRITE_FILES,
    Edge,
    Node,
    code,
    login,
    rights,
    session,
)
from pgguard.analysis.membership import superusers
from pgguard.changes.memberships import revoke_grant
from pgguard.changes.privileges import revoke
from pgguard.changes.roles import alter_role
from pgguard.model.quote import grantee as quoted
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pgguard.analysis.escalation.graph import Cut
    from pgguard.model.rows import Membership, Role
    from pgguard.model.snapshot import Snapshot

PREDEFINED = {
    "pg_execute_server_program": (PROGRAMS, "runs programs as the server's account"),
    "pg_write_server_files": (WRITE_FILES, "writes any file of the server's account"),
    "pg_read_server_files": (READ_FILES, "reads any file of the server's account"),
    "pg_read_all_data": (VERIFIERS, "reads pg_authid with everybody's password verifier"),
}
_PROGRAMS = frozenset(
    {
        "archive_cleanup_command",
        "archive_command",
        "recovery_end_command",
        "restore_command",
        "ssl_passphrase_command",
    }
)
_LIBRARIES = frozenset(
    {
        "archive_library",
        "dynamic_library_path",
        "extension_control_path",
        "jit_provider",
        "local_preload_libraries",
        "oauth_validator_libraries",
        "session_preload_libraries",
        "shared_preload_libraries",
    }
)
# ALTER SYSTEM on one of these has the server run a program or load a library of one's choice
COMMANDS = _PROGRAMS | _LIBRARIES
_ANY_ROLE = Node("object", "any role but superusers")


def everywhere(snapshot: Snapshot) -> Iterator[Edge]:
    """The steps of all roles that no database limits."""
    for role in snapshot.roles:
        if role.login:
            yield Edge("implied", login(role.name), session(role.name))
            yield Edge("implied", login(role.name), EVERYBODY)
            if role.replication:
                yield _copies(role)
        yield from _of_role(snapshot, role, "")
    if snapshot.major < 16:
        for role in snapshot.roles:
            if not role.superuser:
                yield Edge("implied", _ANY_ROLE, session(role.name))
    yield from _parameters(snapshot)


def inside(snapshot: Snapshot, database: str, names: Iterable[str]) -> Iterator[Edge]:
    """The steps of these roles, and of those that they reach, for who acts as them in one database only."""
    for name in sorted(above(snapshot, names, lambda row: row.inherit or row.set)):
        role = snapshot.role(name)
        if role is not None:
            yield from _of_role(snapshot, role, database)


def above(
    snapshot: Snapshot, names: Iterable[str], follows: Callable[[Membership], bool] = lambda row: row.inherit
) -> frozenset[str]:
    """The roles, and those that they are members of by the memberships asked for, near and far."""
    parents: dict[str, list[Membership]] | None = snapshot._memo.get("escalation parents")
    if parents is None:
        parents = snapshot._memo["escalation parents"] = {}
        for row in snapshot.memberships:
            parents.setdefault(row.member, []).append(row)
    return _closure(names, lambda name: (row.role for row in parents.get(name, ()) if follows(row)))


def below(snapshot: Snapshot, names: Iterable[str], follows: Callable[[Membership], bool]) -> frozenset[str]:
    """The roles, and their members by the memberships asked for, near and far."""
    children: dict[str, list[Membership]] | None = snapshot._memo.get("escalation members")
    if children is None:
        children = snapshot._memo["escalation members"] = {}
        for row in snapshot.memberships:
            children.setdefault(row.role, []).append(row)
    return _closure(names, lambda name: (row.member for row in children.get(name, ()) if follows(row)))


def _closure(names: Iterable[str], following: Callable[[str], Iterable[str]]) -> frozenset[str]:
    found = set(names)
    queue = deque(found)
    while queue:
        for name in following(queue.popleft()):
            if name not in found:
                found.add(name)
                queue.append(name)
    return frozenset(found)


def _of_role(snapshot: Snapshot, role: Role, place: str) -> Iterator[Edge]:
    name = role.name
    yield Edge("implied", session(name, place), code(name, place))
    yield Edge("implied", code(name, place), rights(name, place))
    if role.superuser:
        yield Edge("implied", code(name, place), SUPERUSER)
        return
    if role.createrole and snapshot.major < 16:
        yield Edge(
            "createrole",
            code(name, place),
            _ANY_ROLE,
            f"{ident(name)} can grant itself any role but superusers (CREATEROLE)",
            cut=(alter_role(name, "NOCREATEROLE", "CREATEROLE"),),
        )
    # before 16 a role with REPLICATION may not even change its own password
    if role.login and (snapshot.major >= 16 or not role.replication):
        why = f"{ident(name)} can set its own password and log in"
        yield Edge("password", code(name, place), login(name), why)
    if role.predefined and name in PREDEFINED:
        power, effect = PREDEFINED[name]
        yield Edge("predefined-role", rights(name, place), power, f"{name} {effect}")
    for rows in _granted_to(snapshot, name):
        yield from _membership(snapshot, rows, place)


def _membership(snapshot: Snapshot, rows: tuple[Membership, ...], place: str) -> Iterator[Edge]:
    role, member = rows[0].role, rows[0].member
    cut = _cut(snapshot, rows)
    if any(row.set for row in rows):
        yield Edge(
            "membership",
            session(member, place),
            session(role, place),
            f"{ident(member)} can SET ROLE {ident(role)}",
            cut=cut,
        )
    if any(row.inherit for row in rows):
        yield Edge(
            "membership",
            rights(member, place),
            rights(role, place),
            f"{ident(member)} has the rights of {ident(role)}",
            cut=cut,
        )
    # "only roles with the SUPERUSER attribute may grant superusers", whatever ADMIN OPTION they hold
    if any(row.admin for row in rows) and role not in superusers(snapshot):
        yield Edge(
            "admin-option",
            rights(member, place),
            session(role),
            f"{ident(member)} can grant {ident(role)} (ADMIN OPTION)",
            cut=cut,
        )


def _copies(role: Role) -> Edge:
    return Edge(
        "replication",
        login(role.name),
        COPY,
        f"{ident(role.name)} can copy the whole cluster (REPLICATION)",
        cut=(alter_role(role.name, "NOREPLICATION", "REPLICATION"),),
    )


def _parameters(snapshot: Snapshot) -> Iterator[Edge]:
    for parameter in snapshot.parameter_acls:
        name = parameter.name.lower()
        needs = _takes_effect(snapshot, name)
        if not needs:
            continue
        for grant in snapshot.grants(parameter.acl):
            if grant.privilege == "ALTER SYSTEM" and grant.grantee not in superusers(snapshot):
                yield Edge(
                    "parameter",
                    rights(grant.grantee),
                    CONFIGURATION,
                    f"{quoted(grant.grantee)} may ALTER SYSTEM SET {name}, which the server runs or loads",
                    needs=needs,
                    cut=(revoke(["ALTER SYSTEM"], f"PARAMETER {name}", grant.grantee),),
                )


def _takes_effect(snapshot: Snapshot, name: str) -> str:
    """What it takes for a parameter that was set; empty where the server does not use it."""
    if name in _LIBRARIES:
        return "a library file of one's own on the server, and its restart"
    if name not in _PROGRAMS:
        return ""
    if name == "archive_command":
        used = snapshot.setting("archive_mode").value != "off"
    elif name == "ssl_passphrase_command":
        # it is asked only for a key that has a passphrase
        used = snapshot.setting(name).value != ""
    else:
        used = snapshot.server.in_recovery
    return "a reload or restart of the server" if used else ""


def _pairs(snapshot: Snapshot) -> dict[tuple[str, str], tuple[Membership, ...]]:
    known: dict[tuple[str, str], tuple[Membership, ...]] | None = snapshot._memo.get(
        "escalation membership pairs"
    )
    if known is None:
        found: dict[tuple[str, str], list[Membership]] = {}
        for row in snapshot.memberships:
            found.setdefault((row.member, row.role), []).append(row)
        known = snapshot._memo["escalation membership pairs"] = {
            pair: tuple(rows) for pair, rows in found.items()
        }
    return known


def revokes(snapshot: Snapshot, role: str, member: str) -> Cut:
    """The changes that take a role away from a direct member, whoever granted it."""
    return _cut(snapshot, _pairs(snapshot)[member, role])


def _granted_to(snapshot: Snapshot, member: str) -> tuple[tuple[Membership, ...], ...]:
    known: dict[str, list[tuple[Membership, ...]]] | None = snapshot._memo.get(
        "escalation memberships by member"
    )
    if known is None:
        known = snapshot._memo["escalation memberships by member"] = {}
        for (one, _), rows in _pairs(snapshot).items():
            known.setdefault(one, []).append(rows)
    return tuple(known.get(member, ()))


def _cut(snapshot: Snapshot, rows: tuple[Membership, ...]) -> Cut:
    granted_on = snapshot._memo.get("escalation granted on")
    if granted_on is None:
        granted_on = snapshot._memo["escalation granted on"] = {
            (row.role, row.grantor) for row in snapshot.memberships
        }
    cascade = snapshot.major >= 16 and (rows[0].role, rows[0].member) in granted_on
    return tuple(revoke_grant(row, major=snapshot.major, cascade=cascade) for row in rows)
