"""What an earlier plan has made already, as the snapshot shows it: so that the second plan is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgguard.model.rows import Grant
    from pgguard.model.snapshot import Snapshot


class Present:
    """The roles, memberships, settings and default privileges that are there."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._roles = {role.name: role for role in snapshot.roles}
        self._members = {(one.role, one.member) for one in snapshot.memberships}
        self._settings = {(one.role, one.database, one.name) for one in snapshot.role_settings}
        self._known = "verifiers" not in snapshot.missing()
        self._verifiers = {one.role: one.kind for one in snapshot.verifiers} if self._known else {}
        self._defaults = {
            (database.name, entry.role, entry.schema, entry.kind, grant.grantee, grant.privilege)
            for database in snapshot.inspected
            for entry in database.default_acls
            for grant in database.grants(entry.acl)
        }

    def role(self, name: str) -> bool:
        """Whether there is such a role."""
        return name in self._roles

    def login(self, name: str) -> bool:
        """Whether the role can log in."""
        return name in self._roles and self._roles[name].login

    def member(self, role: str, member: str) -> bool:
        """Whether it was granted."""
        return (role, member) in self._members

    def setting(self, role: str, database: str, name: str) -> bool:
        """Whether the role has a value of its own."""
        return (role, database, name) in self._settings

    def password(self, role: str) -> bool:
        """Whether the role has a password, or may have one."""
        return not self._known or self._verifiers.get(role, "none") != "none"

    def lacking(self, grants: Iterable[Grant], role: str, privileges: Iterable[str]) -> list[str]:
        """The privileges that these grants do not give to the role."""
        has = {one.privilege for one in grants if one.grantee == role}
        return [one for one in dict.fromkeys(privileges) if one not in has]

    def lacking_default(
        self, database: str, creator: str, schema: str, kind: str, role: str, privileges: Sequence[str]
    ) -> list[str]:
        """The privileges that new objects of the creator do not come with for the role."""
        return [
            one for one in privileges if (database, creator, schema, kind, role, one) not in self._defaults
        ]
