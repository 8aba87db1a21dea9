"""What no file of a plan does by itself: it would lock somebody out, stop the server, or lose data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.membership import all_roles
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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
    """Who must not be locked out: the role that plans with the groups it is in, and who is logged in now."""

    planner: str
    is_superuser: bool
    groups: frozenset[str]
    connects_to: frozenset[str]
    in_use: dict[str, int] | None
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
        if self._is_kept_out(what, given_to):
            return (
                f"{ident(self.planner)}, who makes this plan, connects as everybody does: GRANT CONNECT first"
            )
        if what.closes_login and self.in_use is None:
            return "who is logged in could not be seen: look into pg_stat_activity first"
        if (
            what.closes_login
            and self.in_use
            and (count := sum(self.in_use.get(role, 0) for role in what.roles))
        ):
            sessions = f"{count} session{'s' if count > 1 else ''} open"
            return f"it has {sessions}: give those people logins first (pgguard plan --personal-roles)"
        return None

    def _is_kept_out(self, what: Intent, given_to: Collection[str]) -> bool:
        if self.is_superuser or PUBLIC not in what.roles or "CONNECT" not in what.privileges:
            return False
        return self.connects_to.isdisjoint(what.named) and not {self.planner, *self.groups} & {*given_to}

    def last_superusers(self, intents: Iterable[Intent]) -> frozenset[str]:
        """The superusers of whom one has to stay: all that can log in, when every one of them is altered."""
        altered = {role for one in intents if one.closes_login or one.drops_superuser for role in one.roles}
        return self.superusers if self.superusers and self.superusers <= altered else frozenset()


def refusals(snapshot: Snapshot, planner: str) -> Refusals:
    """The refusals for a plan that this role makes of this snapshot."""
    me = snapshot.role(planner)
    groups = frozenset(all_roles(snapshot, planner)) - {planner}
    mine = groups | {planner}
    named = (
        row
        for row in snapshot.databases
        if row.owner in mine
        or any(one.privilege == "CONNECT" and one.grantee in mine for one in snapshot.grants(row.acl))
    )
    in_use = None if "sessions" in snapshot.missing() else Counter(one.role for one in snapshot.sessions)
    return Refusals(
        planner,
        me is not None and me.superuser,
        groups,
        frozenset(row.name for row in named),
        in_use,
        frozenset(role.name for role in snapshot.roles if role.superuser and role.login),
    )
