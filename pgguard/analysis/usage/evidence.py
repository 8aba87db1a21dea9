"""What the statements seen are evidence of: which grants nobody used, and why that may not be said.

Not seen is not unused unless somebody looked: on enough days, at every login that could have used the
grant, and without statements that could not be followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.able import logins_of
from pgguard.analysis.granted import Granted, of_column, of_function, of_relation
from pgguard.analysis.membership import becomers_by_path, heirs, superusers
from pgguard.analysis.names import function_name, relation_name, shorten
from pgguard.analysis.settings import audit_classes
from pgguard.analysis.sharing.grade import watched_days
from pgguard.analysis.usage.grants import allowed_by
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC
from pgguard.model.usage import MEANS, NOTHING, SEQUENCES, TRACKED, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.observation import Observations
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
    from pgguard.model.usage import Gap, Need

_LOGGING = ("log_statement", "log_min_duration_statement", "pgaudit.log")


class Window(NamedTuple):
    """On how many days statements were seen, from when to when; empty where never."""

    days: int
    since: str
    until: str


class Unused(NamedTuple):
    """What one grantee holds on an object and nobody used; `blocked` says why it is not to be revoked."""

    database: DatabaseSnapshot
    grantee: str
    granted: Granted
    relation: Relation | None
    privileges: tuple[str, ...]
    blocked: str


def window(seen: Observations, *sources: str) -> Window:
    """When statements were seen, or when these sources saw them."""
    covered = [one for one in seen.coverage if one.means == MEANS and (not sources or one.source in sources)]
    if not covered:
        return Window(0, "", "")
    return Window(watched_days(covered), min(one.since for one in covered), max(one.until for one in covered))


class Evidence:
    """What was seen of statements, held against the grants of a snapshot.

    Raises `Unread` where roles, settings or ACLs that it needs could not be read.
    """

    def __init__(self, snapshot: Snapshot, seen: Observations, policy: Policy) -> None:
        self.snapshot = snapshot
        self.policy = policy
        self.seen = seen
        self._users: dict[tuple[str, str], frozenset[str]] = {}
        self.window = window(seen)
        self.needs: dict[tuple[str, str], list[Need]] = {}
        for used in seen.usage:
            self.needs.setdefault((used.database, used.need.name), []).append(used.need)
        self.gaps: dict[str, list[Gap]] = {}
        for one in seen.usage_gaps:
            if one.gap.touches != NOTHING:
                self.gaps.setdefault(one.database, []).append(one.gap)
        # what is not logged may be tracked
        self.tracked = window(seen, TRACKED)
        is_enough = self.tracked.days >= policy.observation.learn_days
        self.unlogged = frozenset() if is_enough else unlogged(snapshot)

    def unused(self, only: frozenset[tuple[str, int]] | None = None) -> Iterator[Unused]:
        """The grants on relations and functions that were not seen used; `only` (database, oid) of relations.

        What PostgreSQL, extensions, owners, superusers and declared administrators have is left out, and
        so is what PUBLIC has on functions, which others tell of.
        """
        for database in self.snapshot.inspected:
            for relation in database.relations:
                wanted = only is None or (database.name, relation.oid) in only
                if wanted and not relation.system and not relation.extension:
                    yield from self._of_relation(database, relation)
            for function in database.functions if only is None else ():
                if not function.system and not function.extension:
                    yield from self._of_function(database, function)

    def users(self, database: DatabaseSnapshot, grantee: str) -> frozenset[str]:
        """The roles that have a grantee's rights and do not have every right anyway.

        Those that can SET ROLE to them count too: the log may not show that they did.
        """
        known: frozenset[str] | None = self._users.get((database.name, grantee))
        if known is None:
            having = heirs(self.snapshot, grantee, database.name) - superusers(self.snapshot)
            acting = becomers_by_path(self.snapshot, having, database.name).keys()
            known = self._users[database.name, grantee] = frozenset(acting) - superusers(self.snapshot)
        return known

    def used(
        self, database: DatabaseSnapshot, users: frozenset[str], name: str, privilege: str, column: str = ""
    ) -> list[Need]:
        """What these roles needed the privilege for, on an object or one of its columns."""
        return [
            need
            for need in self.needs.get((database.name, name), ())
            if need.role in users
            and privilege in allowed_by(need.operation, self.snapshot.major)
            and (not column or need.column in (column, "", WHOLE))
        ]

    def blocked(self, database: DatabaseSnapshot, grantee: str, name: str, *, is_sequence: bool) -> str:
        """Why nothing can be concluded from what was not seen; empty where it can."""
        days, enough = self.window.days, self.policy.observation.learn_days
        if days < enough:
            return f"statements are known of {days} days, and the policy asks for {enough}"
        users = self.users(database, grantee)
        owns = not users.isdisjoint(_owners(database))
        unlogged_ = self.unlogged if owns or grantee == PUBLIC else self.unlogged & self._logins(grantee)
        if unlogged_:
            return f"not every statement of {shorten(sorted(map(ident, unlogged_)), 3)} is logged"
        replicating = sorted(one.name for one in self.snapshot.roles if one.replication and one.name in users)
        if replicating:
            return f"{shorten(replicating, 3)} may replicate, which is no statement"
        for gap in self.gaps.get(database.name, ()):
            # what a view or a function does as its owner is missing wherever others could not be followed
            theirs = owns or gap.role in users or not gap.role
            about = gap.touches in ("", name) or (gap.touches == SEQUENCES and is_sequence)
            if theirs and (about or owns):
                whose = f"of {ident(gap.role)} " if gap.role else ""
                return f"statements {whose}could not be followed: {gap.reason}"
        return ""

    def _logins(self, grantee: str) -> frozenset[str]:
        return logins_of(self.snapshot, grantee)

    def _of_relation(self, database: DatabaseSnapshot, relation: Relation) -> Iterator[Unused]:
        columns = [
            of_column(database, relation, one) for one in catalog.columns(database, relation.oid) if one.acl
        ]
        for granted in (of_relation(database, relation), *columns):
            yield from self._of(database, granted, relation, relation_name(relation))

    def _of_function(self, database: DatabaseSnapshot, function: Function) -> Iterator[Unused]:
        granted = of_function(database, function)
        kept = tuple(one for one in granted.grants if one.grantee != PUBLIC)
        yield from self._of(database, granted._replace(grants=kept), None, function_name(function))

    def _of(
        self, database: DatabaseSnapshot, granted: Granted, relation: Relation | None, name: str
    ) -> Iterator[Unused]:
        held: dict[str, list[str]] = {}
        for grant in granted.grants:
            if grant.grantee != granted.owner and self.counts(grant.grantee):
                held.setdefault(grant.grantee, []).append(grant.privilege)
        for grantee, privileges in held.items():
            users = self.users(database, grantee) - {granted.owner}
            idle = tuple(
                one
                for one in dict.fromkeys(privileges)
                if not self.used(database, users, name, one, granted.column)
            )
            if idle:
                is_sequence = relation is not None and relation.kind == "S"
                why = self.blocked(database, grantee, name, is_sequence=is_sequence)
                yield Unused(database, grantee, granted, relation, idle, why)

    def counts(self, grantee: str) -> bool:
        """Whether a plan may take from the grantee: not superusers, administrators, PostgreSQL's own."""
        if grantee == PUBLIC:
            return True
        role = self.snapshot.role(grantee)
        return role is not None and not (
            role.superuser or role.predefined or self.policy.is_administrator(grantee)
        )


def unlogged(snapshot: Snapshot) -> frozenset[str]:
    """The logins of which some database does not log every statement, as the settings are now.

    All are logged with log_statement = all, with log_min_duration_statement = 0, or by pgaudit's classes
    read and write. Raises `Unread` when the settings could not be read.
    """
    own: dict[tuple[str, str], dict[str, str]] = {}
    for one in snapshot.role_settings:
        if one.name in _LOGGING:
            own.setdefault((one.role, one.database), {})[one.name] = one.value
    cluster = {name: snapshot.setting(name).value for name in _LOGGING if snapshot.has_setting(name)}
    names = [one.name for one in snapshot.databases if one.allow_connections and not one.is_template]
    found = set()
    for role in snapshot.roles:
        if not role.login or role.bootstrap:
            continue
        for database in names if own else names[:1]:
            values = dict(cluster)
            for where in (("", ""), ("", database), (role.name, ""), (role.name, database)):
                values |= own.get(where, {})
            if not _logs_all(values):
                found.add(role.name)
                break
    return frozenset(found)


def _logs_all(values: dict[str, str]) -> bool:
    return (
        values.get("log_statement") == "all"
        or values.get("log_min_duration_statement", "-1").strip() in ("0", "0ms")
        or {"read", "write"} <= audit_classes(values.get("pgaudit.log", ""))
    )


def _owners(database: DatabaseSnapshot) -> frozenset[str]:
    """Whoever's rights views and definer functions use."""
    known: frozenset[str] | None = database._memo.get("owners whose rights others use")
    if known is None:
        owners: Iterable[str] = (one.owner for one in database.relations if one.kind in "vm")
        known = frozenset(owners) | {one.owner for one in database.functions if one.definer}
        database._memo["owners whose rights others use"] = known
    return known
