"""Who can do something with an object: each login, how, and whether row security limits the rows.

Three kinds of answers: the logins for which the server itself says yes; those that get there after
SET ROLE; those that get there through a view, a function or another table. The last two are of use
only to logins whom the first does not give as much: they are listed when they have no privilege of
their own, or see more rows that way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog, routes
from pgguard.analysis.function_use import opaque
from pgguard.analysis.membership import becomers_by_path
from pgguard.analysis.names import function_name, shorten
from pgguard.analysis.privileges import (
    Securable,
    Step,
    holder_names,
    holders,
    may_enter,
    may_name,
    of_function,
    steps,
)
from pgguard.analysis.views import both, rows_limited
from pgguard.errors import Unread
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.analysis.routes import Route
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_ON_ROWS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"})


class Target(NamedTuple):
    """What the question is about: an object, and for a relation which column of it (0: none)."""

    thing: Securable
    database: DatabaseSnapshot | None = None
    relation: Relation | None = None
    number: int = 0
    function: Function | None = None


class Reach(NamedTuple):
    """One login, the shortest path by which it gets there, and what keeps it from doing so all the same."""

    role: str
    rows_limited: bool
    path: tuple[Step, ...]
    obstacles: tuple[str, ...] = ()


class Answer(NamedTuple):
    """The logins in order of name; `unknown` says in sentences what could not be known.

    `roles` are the names of all roles, so that a step's ends can be told from objects.
    """

    privilege: str
    target: Target
    logins: tuple[Reach, ...]
    by_set_role: tuple[Reach, ...]
    by_view_or_function: tuple[Reach, ...]
    unknown: tuple[str, ...]
    roles: frozenset[str]


def who_can(snapshot: Snapshot, target: Target, privilege: str) -> Answer:
    """Everybody who can use `privilege` (SELECT, EXECUTE ...) on the target.

    Raises `Unread` when roles, memberships, databases, schemas or ACLs could not be read; what else
    is missing is said in the answer.
    """
    question = _Question(snapshot, target, privilege)
    direct = question.direct()
    by_role = question.by_set_role(direct)
    around = question.by_route(direct, by_role)
    return Answer(
        privilege=privilege,
        target=target,
        logins=_ordered(direct),
        by_set_role=_ordered(by_role),
        by_view_or_function=_ordered(around),
        unknown=tuple(question.unknown),
        roles=frozenset(role.name for role in snapshot.roles),
    )


class _Question:
    def __init__(self, snapshot: Snapshot, target: Target, privilege: str) -> None:
        self.snapshot = snapshot
        self.target = target
        self.thing = target.thing
        self.privilege = privilege
        self.unknown: dict[str, None] = {}
        self.logins = [role.name for role in snapshot.roles if role.login]
        self.inside = frozenset(login for login in self.logins if may_enter(snapshot, self.thing, login))
        self.naming = may_name(snapshot, self.thing)
        self.ways = holders(snapshot, self.thing, privilege)

    def direct(self) -> dict[str, Reach]:
        found = {}
        for login in self.logins:
            if login in self.ways:
                path = steps(self.ways[login], self.privilege)
                found[login] = Reach(login, self._limited(login), path, tuple(self._obstacles(login)))
        return found

    def by_set_role(self, direct: Mapping[str, Reach]) -> dict[str, Reach]:
        useful = set(self.ways) & self.naming
        free = {role for role in useful if not self._limited(role)}
        found: dict[str, Reach] = {}
        for sources, limited in ((free, False), (useful - free, True)):
            for login, roles in self._becoming(sources).items():
                if login not in found and _gains(direct.get(login), limited):
                    path = (_set_role(roles), *steps(self.ways[roles[-1]], self.privilege))
                    found[login] = Reach(login, limited, path)
        return found

    def by_route(self, direct: Mapping[str, Reach], by_role: Mapping[str, Reach]) -> dict[str, Reach]:
        through: dict[str, Reach] = {}
        for route in self._routes():
            self._along(route, through)
        found = {
            login: through[login]
            for login in self.logins
            if login in through
            and login in self.inside
            and _gains(direct.get(login), through[login].rows_limited)
        }
        # a role that one can become may use a view or a function, too
        free = {role for role, one in through.items() if not one.rows_limited}
        for sources in (free, through.keys() - free):
            for login, roles in self._becoming(sources).items():
                last = through[roles[-1]]
                known = (direct.get(login), by_role.get(login), found.get(login))
                if all(_gains(one, last.rows_limited) for one in known):
                    found[login] = Reach(login, last.rows_limited, (_set_role(roles), *last.path))
        return found

    def _along(self, route: Route, through: dict[str, Reach]) -> None:
        """Adds the roles that get through, where this is a better way for them than those before."""
        naming = both(may_name(self.snapshot, route.thing), route.users) or frozenset()
        for role, way in holders(self.snapshot, route.thing, route.privilege).items():
            if role not in naming:
                continue
            length = len(way.roles) + len(route.steps)
            limited = route.limited(role)
            known = through.get(role)
            if known is None or (limited, length) < (known.rows_limited, len(known.path)):
                path = steps(way, route.privilege)
                through[role] = Reach(role, limited, (*path, *route.steps))

    def _routes(self) -> tuple[Route, ...]:
        database, relation, function = self.target.database, self.target.relation, self.target.function
        if database is None:
            return ()
        found: tuple[Route, ...] = ()
        try:
            if relation is not None and relation.kind != "S" and self.privilege in _ON_ROWS:
                numbers = frozenset({self.target.number} if self.target.number else ())
                if self.privilege == "SELECT" and not numbers:
                    numbers = frozenset(one.number for one in catalog.columns(database, relation.oid))
                found = routes.to_columns(self.snapshot, database, relation, numbers, self.privilege)
            elif function is not None:
                found = routes.to_function(self.snapshot, database, function)
            else:
                return ()
            self._opaque(database, found)
        except Unread as unread:
            self.unknown[f"who gets there through a view or a function: {unread}"] = None
        return found

    def _opaque(self, database: DatabaseSnapshot, found: Iterable[Route]) -> None:
        """Says which functions may lead to the target though their bodies do not show it."""
        useful = holder_names(self.snapshot, self.thing, self.privilege)
        seen = {route.function.oid for route in found if route.function}
        for one in opaque(self.snapshot, database):
            function = one.function
            if function.owner not in useful or function.oid in seen or function.returns == "trigger":
                continue
            opening = of_function(database, function)
            callers = holder_names(self.snapshot, opening, "EXECUTE") & may_name(self.snapshot, opening)
            callers = (callers & self.inside) - useful
            if callers:
                name = function_name(function)
                names = [ident(login) for login in sorted(callers)]
                text = f"whether {name} leads there for {shorten(names, 3)}: {one.reason}"
                self.unknown[text] = None

    def _obstacles(self, login: str) -> Iterator[str]:
        if login not in self.inside:
            yield f"but {ident(login)} may not CONNECT to database {ident(self.thing.database)}"
        if login not in self.naming:
            yield f"but {ident(login)} has no USAGE on schema {ident(self.thing.schema)}"

    def _limited(self, role: str) -> bool:
        database, relation = self.target.database, self.target.relation
        if database is None or relation is None:
            return False
        try:
            return rows_limited(self.snapshot, database, relation, role, self.privilege)
        except Unread as unread:
            self.unknown[f"whether row security limits the rows: {unread}"] = None
            return True

    def _becoming(self, sources: Iterable[str]) -> dict[str, tuple[str, ...]]:
        paths = becomers_by_path(self.snapshot, sources, self.thing.database)
        return {login: path for login, path in paths.items() if login in self.inside and len(path) > 1}


def _gains(known: Reach | None, limited: bool) -> bool:
    return known is None or bool(known.obstacles) or (known.rows_limited and not limited)


def _set_role(roles: tuple[str, ...]) -> Step:
    between = [ident(role) for role in roles[1:-1]]
    through = f", through {' and '.join(between)}," if between else ""
    return Step(ident(roles[0]), f"may{through} SET ROLE to", ident(roles[-1]))


def _ordered(found: Mapping[str, Reach]) -> tuple[Reach, ...]:
    return tuple(found[name] for name in sorted(found))
