"""Which logins reach an object, as sets: what `who_can` answers of one object, for all of a snapshot.

A login reaches an object when the server takes it into the database and it, or a role that it can become,
has the privilege and USAGE on the schema, or gets there by a route (`analysis/routes.py`). Thousands of
tables share a few hundred ACLs, and sets are worked out once for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog, function_use, routes, rules
from pgguard.analysis.access import connectors
from pgguard.analysis.membership import DATABASE_OWNER, becomers_by_path
from pgguard.analysis.privileges import (
    PRIVILEGES,
    holder_names,
    may_name,
    of_column,
    of_function,
    of_relation,
)
from pgguard.analysis.row_security import limits
from pgguard.analysis.views import VIEWS, hands_out, is_invoker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pgguard.analysis.privileges import Securable
    from pgguard.analysis.routes import Route
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

Names = frozenset[str]
NOBODY: Names = frozenset()
# what views, functions and relatives open (analysis/routes.py)
_BY_ROUTE = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
_OF_COLUMNS = frozenset(PRIVILEGES["column"])
_ROW_COMMANDS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})


class Reached(NamedTuple):
    """Who has one privilege on one object.

    `holding` are the roles of which the server says so; `whole` the logins that can use it on every row,
    `part` those that can on some rows only, `held` those that hold it and cannot get there.
    """

    holding: Names
    whole: Names
    part: Names
    held: Names


NOTHING = Reached(NOBODY, NOBODY, NOBODY, NOBODY)
# by privilege and column; "" stands for the object as a whole
Profile = dict[tuple[str, str], Reached]


class Parts(NamedTuple):
    """What of a snapshot may be used, because both sides have it: routes, and row security."""

    routes: bool
    row_security: bool


class Opening(NamedTuple):
    """One way to an object: the object itself (`route` None) or a route, who gets through, and who of them
    to every row."""

    thing: Securable
    privilege: str
    route: Route | None
    useful: Names
    free: Names


def reached(snapshot: Snapshot, thing: Securable, privilege: str, openings: Iterable[Opening]) -> Reached:
    """Who has a privilege, given all ways to the object."""
    holding = holder_names(snapshot, thing, privilege)
    inside = insiders(snapshot, thing)
    useful, free = NOBODY, NOBODY
    for one in openings:
        useful |= one.useful
        free |= one.free
    # most sets recur: a query of the memo is cheaper than a search
    whole = inside & acting(snapshot, free, thing.database)
    part = (inside & acting(snapshot, useful, thing.database)) - whole if useful != free else NOBODY
    held = (holding & logins(snapshot)) - whole - part
    return Reached(holding, whole, part, held)


def opening(snapshot: Snapshot, thing: Securable, privilege: str, limited: Names) -> Opening:
    """The object itself as a way in."""
    useful = holder_names(snapshot, thing, privilege) & may_name(snapshot, thing)
    return Opening(thing, privilege, None, useful, useful - limited if limited else useful)


def acting(snapshot: Snapshot, names: Names, database: str) -> Names:
    """Every role that can act as one of these, itself or after SET ROLE."""
    memo: dict[tuple[Names, str], Names] = snapshot._memo.setdefault("drift acting", {})
    key = (names, database if DATABASE_OWNER in names else "")
    known = memo.get(key)
    if known is None:
        known = memo[key] = frozenset(becomers_by_path(snapshot, names, database)) if names else NOBODY
    return known


def logins(snapshot: Snapshot) -> Names:
    """The names of all logins, superusers too."""
    known: Names | None = snapshot._memo.get("drift logins")
    if known is None:
        known = snapshot._memo["drift logins"] = frozenset(one.name for one in snapshot.roles if one.login)
    return known


def insiders(snapshot: Snapshot, thing: Securable) -> Names:
    """The logins that the server takes into the database that an object is in."""
    if thing.home is snapshot:
        return logins(snapshot)
    memo: dict[str, Names] = snapshot._memo.setdefault("drift insiders", {})
    known = memo.get(thing.database)
    if known is None:
        known = memo[thing.database] = logins(snapshot) & connectors(snapshot, thing.database)
    return known


class Reaches:
    """The profiles of one database's objects; objects that nothing tells apart have the same value."""

    def __init__(self, snapshot: Snapshot, database: DatabaseSnapshot, parts: Parts) -> None:
        self.snapshot = snapshot
        self.database = database
        self.parts = parts
        self._known: dict[object, Profile] = {}
        self._touched = self._lead_on() if parts.routes else NOBODY_TOUCHED
        self._own = _column_acls(database)
        self._limited: dict[object, Names] = {}
        self._signatures = self._policy_signatures() if parts.row_security else {}

    def of_relation(self, relation: Relation) -> Profile:
        """Who has what on a table, view or sequence, and on columns that differ from it."""
        if relation.oid in self._touched:
            found: Profile = {}
            alike: dict[object, Reached] = {}
            shown = self._shown(relation)
            for privilege in PRIVILEGES["sequence" if relation.kind == "S" else "table"]:
                for column, number in self._targets(relation, privilege):
                    same = (privilege, shown[number] if shown and number else number)
                    if same not in alike:
                        alike[same] = self._reached(relation, privilege, column, number)
                    found[privilege, column] = alike[same]
            return found
        own = self._own.get(relation.oid, ())
        key = (relation.kind == "S", relation.acl, relation.schema, relation.system)
        full = (*key, own, self._signature(relation))
        known = self._known.get(full)
        if known is None:
            known = self._known[full] = {
                (privilege, column): self._reached(relation, privilege, column, number)
                for privilege in PRIVILEGES["sequence" if relation.kind == "S" else "table"]
                for column, number in self._targets(relation, privilege)
            }
        return known

    def told_apart(self, relation: Relation) -> frozenset[str]:
        """The columns that a relation's profile has entries of their own for."""
        if relation.oid not in self._touched:
            return frozenset(name for name, _ in self._own.get(relation.oid, ()))
        return frozenset(one.name for one in catalog.columns(self.database, relation.oid))

    def of_function(self, function: Function) -> Profile:
        """Who may call a function."""
        called = self.parts.routes and function.oid in self._called
        key = ("function", function.oid if called else function.acl, function.schema, function.definer)
        known = self._known.get(key)
        if known is None:
            thing = of_function(self.database, function)
            known = self._known[key] = {
                ("EXECUTE", ""): reached(self.snapshot, thing, "EXECUTE", self.to_function(function))
            }
        return known

    def of_thing(self, thing: Securable) -> Profile:
        """Who has what on a schema, language or another object without routes."""
        key = (thing.kind, thing.acl, thing.database, thing.read_only)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = of_thing(self.snapshot, thing)
        return known

    def openings(self, relation: Relation, privilege: str, column: str) -> tuple[Opening, ...]:
        """Every way to a relation or one of its columns."""
        number = next(
            (one.number for one in catalog.columns(self.database, relation.oid) if one.name == column), 0
        )
        return tuple(self._openings(relation, privilege, number))

    def to_function(self, function: Function) -> tuple[Opening, ...]:
        """Every way to call a function."""
        found = [opening(self.snapshot, of_function(self.database, function), "EXECUTE", NOBODY)]
        if self.parts.routes and function.oid in self._called:
            found += map(self._through, routes.to_function(self.snapshot, self.database, function))
        return tuple(found)

    def _reached(self, relation: Relation, privilege: str, column: str, number: int) -> Reached:
        thing = self._thing(relation, number)
        return reached(self.snapshot, thing, privilege, self._openings(relation, privilege, number))

    def _thing(self, relation: Relation, number: int) -> Securable:
        if number:
            for column in catalog.columns(self.database, relation.oid):
                if column.number == number:
                    return of_column(self.database, relation, column)
        return of_relation(self.database, relation)

    def _targets(self, relation: Relation, privilege: str) -> Iterable[tuple[str, int]]:
        yield "", 0
        if privilege not in _OF_COLUMNS or relation.kind == "S":
            return
        by_route = relation.oid in self._touched and privilege in _BY_ROUTE
        for column in catalog.columns(self.database, relation.oid):
            if column.acl or (by_route and (privilege == "SELECT" or self._writes_by_column)):
                yield column.name, column.number

    def _openings(self, relation: Relation, privilege: str, number: int) -> Iterable[Opening]:
        thing = self._thing(relation, number)
        yield opening(self.snapshot, thing, privilege, self._limits(relation, privilege))
        # of a table as a whole its columns tell who reads it
        whole_read = privilege == "SELECT" and not number
        if relation.oid in self._touched and privilege in _BY_ROUTE and not whole_read:
            numbers = frozenset({number} if number else ())
            for route in routes.to_columns(self.snapshot, self.database, relation, numbers, privilege):
                yield self._through(route)

    def _through(self, route: Route) -> Opening:
        useful = holder_names(self.snapshot, route.thing, route.privilege) & may_name(
            self.snapshot, route.thing
        )
        if route.users is not None:
            useful &= route.users
        if not self.parts.row_security:
            return Opening(route.thing, route.privilege, route, useful, useful)
        key = ("route", route.relation and route.relation.oid, route.thing.whole, route.steps, route.part)
        memo = self._limited.get((*key, useful))
        if memo is None:
            memo = frozenset(one for one in useful if not route.limited(one))
            self._limited[(*key, useful)] = memo
        return Opening(route.thing, route.privilege, route, useful, memo)

    # Row security --------------------------------------------------------------------------------

    def _limits(self, relation: Relation, command: str) -> Names:
        """The roles from which row security keeps rows of a relation, or of what a view shows."""
        if not self.parts.row_security or command not in _ROW_COMMANDS or relation.kind == "m":
            return NOBODY
        if relation.kind in VIEWS:
            return self._limits_of_view(relation, command)
        if not relation.row_security:
            return NOBODY
        key = ("table", command, self._signature(relation))
        known = self._limited.get(key)
        if known is None:
            known = self._limited[key] = frozenset(
                one.name
                for one in self.snapshot.roles
                if limits(self.snapshot, self.database, relation, one.name, command)
            )
        return known

    def _limits_of_view(self, view: Relation, command: str) -> Names:
        key = ("view", command, view.oid)
        known = self._limited.get(key)
        if known is not None:
            return known
        # a view cannot read itself; the entry ends the search in a snapshot that says so
        self._limited[key] = NOBODY
        found = NOBODY
        everybody = frozenset(one.name for one in self.snapshot.roles)
        for oid in dict.fromkeys(used.relation for used in catalog.uses(self.database, view.oid)):
            read = catalog.relations(self.database).get(oid)
            if read is None or oid == view.oid:
                continue
            limited = self._limits(read, command)
            if read.kind in VIEWS or is_invoker(view):
                found |= limited
            elif view.owner in limited:
                found = everybody
        self._limited[key] = found
        return found

    def _signature(self, relation: Relation) -> object:
        """All that row security makes of a relation by itself."""
        if not self.parts.row_security:
            return None
        if relation.kind == "v":
            # what limits a view is behind it
            return tuple(self._limits(relation, command) for command in sorted(_ROW_COMMANDS))
        if not relation.row_security:
            return None
        policies = self._signatures.get(relation.oid, ())
        return (relation.owner, relation.force_row_security, policies)

    def _policy_signatures(self) -> Mapping[int, tuple[object, ...]]:
        texts = {
            (one.kind, one.oid): one.text
            for one in self.database.definitions
            if one.kind in ("policy-using", "policy-check")
        }
        found: dict[int, list[object]] = {}
        for one in self.database.row_policies:
            found.setdefault(one.relation, []).append(
                (
                    one.permissive,
                    one.command,
                    one.roles,
                    texts.get(("policy-using", one.oid)),
                    texts.get(("policy-check", one.oid)),
                )
            )
        return {oid: tuple(some) for oid, some in found.items()}

    def _shown(self, relation: Relation) -> Mapping[int, object] | None:
        """What tells the columns of a relation apart where only plain views lead to them; else None."""
        views = dict.fromkeys(used.view for used in catalog.used_by(self.database, relation.oid))
        if relation.oid in self._intricate or any(
            view in self._touched or view in self._own for view in views
        ):
            return None
        known = catalog.relations(self.database)
        handed = {view: hands_out(self.database, known[view], relation) for view in views if view in known}
        return {
            column.number: (
                column.acl,
                tuple(view for view, numbers in handed.items() if {0, column.number} & numbers),
            )
            for column in catalog.columns(self.database, relation.oid)
        }

    # Routes --------------------------------------------------------------------------------------

    def _lead_on(self) -> Names | frozenset[int]:
        """The relations that a view, relative, rule or function may lead to."""
        database = self.database
        found: set[int] = set()
        for relation in database.relations:
            if relation.parent:
                found |= {relation.oid, relation.parent}
        called: set[int] = set()
        for verb, oid, _ in function_use.uses(self.snapshot, database):
            (called if verb == "call" else found).add(oid)
        self._called = frozenset(called)
        for action in rules.actions(database):
            found.add(action.rule.relation)
            found |= {oid for oid, _ in action.columns}
        writes = {"INSERT", "UPDATE"}
        acls = {column.acl for column in database.columns if column.acl}
        self._writes_by_column = any(
            grant.privilege in writes for acl in acls for grant in database.grants(acl)
        )
        self._intricate = frozenset(found)
        return frozenset(found | {used.relation for used in database.view_columns})

    _intricate: frozenset[int] = frozenset()
    _called: frozenset[int] = frozenset()
    _writes_by_column: bool = False


NOBODY_TOUCHED: frozenset[int] = frozenset()


def of_thing(snapshot: Snapshot, thing: Securable) -> Profile:
    """Who has what on one object without routes."""
    return {
        (privilege, ""): reached(snapshot, thing, privilege, [opening(snapshot, thing, privilege, NOBODY)])
        for privilege in PRIVILEGES[thing.kind]
    }


def together(profiles: Iterable[Profile]) -> Profile:
    """The profile of several objects as if they were one: who has something on any of them."""
    found: Profile = {}
    for profile in profiles:
        for key, one in profile.items():
            known = found.get(key, NOTHING)
            whole = known.whole | one.whole
            part = (known.part | one.part) - whole
            found[key] = Reached(
                known.holding | one.holding, whole, part, (known.held | one.held) - whole - part
            )
    return found


def _column_acls(database: DatabaseSnapshot) -> Mapping[int, tuple[tuple[str, str], ...]]:
    found: dict[int, list[tuple[str, str]]] = {}
    for column in database.columns:
        if column.acl:
            found.setdefault(column.relation, []).append((column.name, column.acl))
    return {oid: tuple(some) for oid, some in found.items()}
