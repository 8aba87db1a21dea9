"""What no file of a plan does by itself: it would lock somebody out, stop the server, or lose data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.membership import all_roles, inherited_roles
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pgguard.model.snapshot import Snapshot
    from pgguard.plan.intent import Intent

# parameters that can keep the server from starting, or people out, when what they need is not there yet
_PARAMETERS = {
    "ssl": "without certificate and key in place the server does not start again; after the reload SHOW ssl "
    "has to say on before any restart",
    "archive_mode": "without an archive_command the WAL piles up until the disk is full",
    "unix_socket_permissions": "afterwards only members of the server's group connect by the socket: see "
    "that backups and administrators are among them",
    "shared_preload_libraries": "a library that is not installed keeps the server from starting",
    "listen_addresses": "clients at addresses that are left out lose their way in",
    "unix_socket_directories": "programs look for the socket where it was",
}


class Refusals(NamedTuple):
    """Who must not be locked out: the role that plans, and who is logged in now.

    `in_use` counts sessions by role, None where they could not be seen; `connected` has the roles that must
    get on into a database, `holders` who has CONNECT there by name, `rights_of` whose rights a role has.
    """

    planner: str
    is_superuser: bool
    groups: frozenset[str]
    in_use: Mapping[str, int] | None
    connected: Mapping[str, frozenset[str]]
    holders: Mapping[str, frozenset[str]]
    rights_of: Mapping[str, frozenset[str]]
    superusers: frozenset[str]

    def reason(self, what: Intent, given_to: Collection[str] = ()) -> str | None:
        """Why a statement is not for a file that somebody might run unread; None when it is.

        `given_to` are the roles that the same fix gives something to.
        """
        if what.kind == "AlterSystemStmt" and what.parameter in _PARAMETERS:
            return _PARAMETERS[what.parameter]
        if what.topic == "drops":
            return "its rows would be gone for good: keep a backup, and see first that nobody needs them"
        if what.gives or not what.roles:
            return None
        if self.planner in what.roles:
            return f"it is about {ident(self.planner)}, who makes this plan and would lock himself out"
        if not self.is_superuser and (lost := sorted(what.roles & self.groups)) and what.takes:
            return f"{ident(self.planner)}, who makes this plan, has it through {ident(lost[0])}"
        if PUBLIC in what.roles and "CONNECT" in what.privileges:
            return self._kept_out(what.named, given_to)
        if not what.closes_login:
            return None
        if self.in_use is None:
            return "who is logged in could not be seen: look into pg_stat_activity first"
        if count := sum(self.in_use.get(role, 0) for role in what.roles):
            sessions = f"{count} session{'s' if count > 1 else ''} open"
            return f"it has {sessions}: give those people logins first (pgguard plan --personal-roles)"
        return None

    def _kept_out(self, databases: Collection[str], given_to: Collection[str]) -> str | None:
        for database in databases:
            named = self.holders.get(database, frozenset()) | {*given_to}
            for role in sorted(self.connected.get(database, ())):
                if self.rights_of[role].isdisjoint(named):
                    who = "who makes this plan" if role == self.planner else "who is logged in there now"
                    return f"{ident(role)}, {who}, connects as everybody does: GRANT CONNECT first"
        return None

    def last_superusers(self, intents: Iterable[Intent]) -> frozenset[str]:
        """The superusers of whom one has to stay: all that can log in, when every one of them is altered."""
        altered = {role for one in intents if one.closes_login or one.drops_superuser for role in one.roles}
        return self.superusers if self.superusers and self.superusers <= altered else frozenset()


def refusals(snapshot: Snapshot, planner: str) -> Refusals:
    """The refusals for a plan that this role makes of this snapshot."""
    superusers = frozenset(role.name for role in snapshot.roles if role.superuser)
    sessions = None if "sessions" in snapshot.missing() else snapshot.sessions
    connected = {row.name: {planner} - superusers for row in snapshot.databases}
    for session in sessions or ():
        if session.database in connected and session.role not in superusers:
            connected[session.database].add(session.role)
    return Refusals(
        planner,
        planner in superusers,
        frozenset(all_roles(snapshot, planner)) - {planner},
        None if sessions is None else Counter(one.role for one in sessions),
        {name: frozenset(roles) for name, roles in connected.items()},
        {
            row.name: frozenset(one.grantee for one in snapshot.grants(row.acl) if one.privilege == "CONNECT")
            - {PUBLIC}
            | {row.owner}
            for row in snapshot.databases
        },
        {
            role: frozenset(inherited_roles(snapshot, role)) | {role}
            for role in set[str]().union(*connected.values())
        },
        frozenset(role.name for role in snapshot.roles if role.superuser and role.login),
    )
