"""Ways around an object's own grants: the views, functions, triggers and relatives through which one acts.

Each route is an opening, a privilege on some other object, and the steps from there to the target.
They are found from the target outwards, nearest first; a route is one only if it works: a view or a
SECURITY DEFINER function whose owner lacks the right leads nowhere.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog, function_use, rules
from pgguard.analysis.names import function_name, relation_name
from pgguard.analysis.privileges import (
    Securable,
    Step,
    holder_names,
    may_name,
    of_column,
    of_function,
    of_relation,
)
from pgguard.analysis.views import VIEWS, both, is_invoker, lineage, rows_limited, usable_by
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.model.rows import Column, Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_TRIGGERED = frozenset({"trigger", "event_trigger"})
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "TRUNCATE"})


class Route(NamedTuple):
    """One opening: whoever has `privilege` on `thing` and is among `users` (None: anybody) gets through.

    `steps` lead from the opening to the target. `limited` tells, for the role that the opening is
    used by, whether row security keeps rows from it on this route. `relation` and `number` say which
    column opens (0: any), `up` and `down` whether it is a table above or below the target, `part` that
    it never shows all rows of the target.
    """

    thing: Securable
    privilege: str
    users: frozenset[str] | None
    steps: tuple[Step, ...]
    limited: Callable[[str], bool]
    relation: Relation | None
    number: int
    function: Function | None
    up: bool
    down: bool
    part: bool

    def lets(self, snapshot: Snapshot, role: str) -> bool:
        """Whether the role gets through, the way to the opening's schema aside."""
        return role in holder_names(snapshot, self.thing, self.privilege) and (
            self.users is None or role in self.users
        )


def to_columns(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    relation: Relation,
    numbers: frozenset[int],
    privilege: str,
) -> tuple[Route, ...]:
    """The routes to some columns of a relation, or to the relation itself with no numbers.

    The target's own grants are not among them. Raises `Unread` when relations, columns, views'
    dependencies, definitions, functions or policies could not be read.
    """
    search = _Search(snapshot, database, privilege)
    for number in sorted(numbers or {0}):
        search.start(relation, number)
    return search.run()


def stands_alone(snapshot: Snapshot, database: DatabaseSnapshot, relation: Relation) -> bool:
    """Whether nothing reads a table but who is granted it: no view, relative, rule or definer function."""
    if relation.parent or catalog.used_by(database, relation.oid) or database.rules:
        return False
    if catalog.children(database, relation.oid):
        return False
    return ("read", relation.oid, None) not in function_use.uses(snapshot, database)


def to_function(snapshot: Snapshot, database: DatabaseSnapshot, function: Function) -> tuple[Route, ...]:
    """The definer functions that call a function with their owner's rights."""
    search = _Search(snapshot, database, "EXECUTE")
    search.add(_opened_by_function(database, function, None, (), _always(False)))
    return search.run()


class _Search:
    def __init__(self, snapshot: Snapshot, database: DatabaseSnapshot, privilege: str) -> None:
        self.snapshot = snapshot
        self.database = database
        self.privilege = privilege
        self.found: dict[tuple[object, ...], Route] = {}
        self.queue: deque[Route] = deque()

    def start(self, relation: Relation, number: int) -> None:
        self.add(self._at(relation, number, self.privilege, (), up=True, down=True))

    def add(self, route: Route | None) -> None:
        if route is None or route.users == frozenset():
            return
        oid = route.relation.oid if route.relation else route.function.oid if route.function else 0
        key = (oid, route.number, route.privilege, route.users is None)
        if key not in self.found:
            self.found[key] = route
            self.queue.append(route)

    def run(self) -> tuple[Route, ...]:
        while self.queue:
            here = self.queue.popleft()
            if here.relation is not None:
                for route in self._around(here, here.relation):
                    self.add(route)
            for route in self._functions(here):
                self.add(route)
        return tuple(route for route in self.found.values() if route.steps)

    def _at(
        self,
        relation: Relation,
        number: int,
        privilege: str,
        steps: tuple[Step, ...],
        *,
        up: bool = False,
        down: bool = False,
        part: bool = False,
    ) -> Route:
        """A table (or anything that stands for one) whose own row security is the one that counts."""
        column = _column(self.database, relation, number)
        return Route(
            thing=of_column(self.database, relation, column)
            if column is not None and privilege != "DELETE"
            else of_relation(self.database, relation),
            privilege=privilege,
            users=None,
            steps=steps,
            limited=lambda role: (
                part or rows_limited(self.snapshot, self.database, relation, role, privilege)
            ),
            relation=relation,
            number=number,
            function=None,
            up=up,
            down=down,
            part=part,
        )

    def _around(self, here: Route, relation: Relation) -> Iterator[Route | None]:
        column = _column(self.database, relation, here.number)
        if here.up and relation.parent:
            parent = catalog.relations(self.database).get(relation.parent)
            if parent is not None:
                what = "partition" if relation.is_partition else "child table"
                step = Step(relation_name(parent), f"includes its {what}", relation_name(relation))
                yield self._relative(here, parent, column, step, up=True)
        if here.down and relation.kind not in VIEWS:
            for child in catalog.children(self.database, relation.oid):
                step = Step(relation_name(child), "holds part of the rows of", relation_name(relation))
                yield self._relative(here, child, column, step, down=True)
        views = dict.fromkeys(used.view for used in catalog.used_by(self.database, relation.oid))
        for oid in views:
            view = catalog.relations(self.database).get(oid)
            if view is not None:
                yield from self._views(here, relation, view)
        if here.privilege in _WRITES:
            yield from self._triggers(here)
        yield from self._rules(here, relation)

    def _relative(
        self,
        here: Route,
        relation: Relation,
        column: Column | None,
        step: Step,
        *,
        up: bool = False,
        down: bool = False,
    ) -> Route | None:
        number = 0
        if column is not None:
            same = catalog.column_named(self.database, relation.oid, column.name)
            if same is None:
                return None
            number = same.number
        steps = (step, *here.steps)
        return self._at(relation, number, here.privilege, steps, up=up, down=down, part=down or here.part)

    def _views(self, here: Route, relation: Relation, view: Relation) -> Iterator[Route]:
        if here.privilege == "SELECT":
            users = usable_by(self.snapshot, self.database, view)
            for number, output in enumerate(lineage(self.database, view).outputs, 1):
                if (relation.oid, here.number) in output.origins or (relation.oid, 0) in output.origins:
                    yield self._through_view(here, relation, view, number, users)
        elif view.kind == "v" and here.privilege in _WRITES and here.privilege != "TRUNCATE":
            shown = lineage(self.database, view)
            if shown.base == relation.oid and not self._replaced(view, here.privilege):
                wanted = frozenset({(relation.oid, here.number)})
                numbers = [n for n, one in enumerate(shown.outputs, 1) if one.plain and one.origins == wanted]
                users = self._writers(here, view)
                for number in numbers if here.number else [0]:
                    yield self._through_view(here, relation, view, number, users)

    def _through_view(
        self, here: Route, relation: Relation, view: Relation, number: int, users: frozenset[str] | None
    ) -> Route:
        verb = "reads" if here.privilege == "SELECT" else "writes to"
        verb = (
            "is a stored copy of"
            if view.kind == "m"
            else f"{verb} as its user"
            if is_invoker(view)
            else f"{verb} as its owner {ident(view.owner)}"
        )
        step = Step(relation_name(view), verb, relation_name(relation))
        route = self._at(view, number, here.privilege, (step, *here.steps), part=here.part)
        return route._replace(users=users)

    def _writers(self, here: Route, view: Relation) -> frozenset[str] | None:
        """Who a view that takes writes works for, once they hold the privilege on it."""
        holding = holder_names(self.snapshot, here.thing, here.privilege)
        if is_invoker(view):
            return both(holding, here.users)
        return here.users if view.owner in holding else frozenset()

    def _replaced(self, view: Relation, privilege: str) -> bool:
        """Whether a rule or an INSTEAD OF trigger takes the place of a write to the view's table."""
        return any(
            rule.relation == view.oid and rule.event == privilege and rule.instead
            for rule in self.database.rules
        ) or any(
            trigger.relation == view.oid and trigger.timing == "INSTEAD OF" and privilege in trigger.events
            for trigger in self.database.triggers
        )

    def _users(self, here: Route) -> tuple[Function, ...]:
        """The functions that read or write what a route opens, or call its function."""
        wanted: list[function_use.Use] = []
        if here.function is not None:
            wanted = [("call", here.function.oid, 0)]
        elif here.relation is not None:
            verb, oid = "read" if here.privilege == "SELECT" else "write", here.relation.oid
            by_row = here.privilege in ("DELETE", "TRUNCATE")
            wanted = [(verb, oid, 0 if by_row else None)]
            if here.number:
                wanted = [(verb, oid, here.number), (verb, oid, 0)]
        return function_use.using(self.snapshot, self.database, wanted)

    def _naming(self, here: Route, function: Function) -> frozenset[str] | None:
        """The roles as which a function finds what it uses; None means all."""
        looks_up = function_use.looks_names_up(self.database, function)
        return may_name(self.snapshot, here.thing) if looks_up else None

    def _functions(self, here: Route) -> Iterator[Route | None]:
        """The functions that use this opening: with their owner's rights, or their caller's."""
        for function in self._users(here):
            target = here.thing.whole if here.relation else here.thing.name
            verb = "calls" if here.function else "reads" if here.privilege == "SELECT" else "writes to"
            naming = self._naming(here, function)
            if function.definer:
                if not here.lets(self.snapshot, function.owner) or not _holds(naming, function.owner):
                    continue
                verb = f"{verb} as its owner {ident(function.owner)}"
                users, fixed = None, here.limited(function.owner)
                step = Step(function_name(function), verb, target)
                yield _opened_by_function(self.database, function, users, (step, *here.steps), _always(fixed))
            else:
                callers = both(holder_names(self.snapshot, here.thing, here.privilege), naming)
                step = Step(function_name(function), f"{verb} as its caller", target)
                yield _opened_by_function(
                    self.database, function, both(callers, here.users), (step, *here.steps), here.limited
                )

    def _triggers(self, here: Route) -> Iterator[Route]:
        """Whoever may write to a table fires its triggers; their functions may run as somebody else."""
        for function in self._users(here):
            if not function.definer or not here.lets(self.snapshot, function.owner):
                continue
            if not _holds(self._naming(here, function), function.owner):
                continue
            fixed = here.limited(function.owner)
            for trigger in catalog.triggers_calling(self.database, function.oid):
                table = catalog.relations(self.database).get(trigger.relation)
                if table is None or (here.relation is not None and table.oid == here.relation.oid):
                    continue
                target = here.thing.whole
                verb = (
                    f"fires {function_name(function)}, which as its owner {ident(function.owner)} writes to"
                )
                steps = (Step(relation_name(table), verb, target), *here.steps)
                for event in trigger.events:
                    for route in self._of_any_column(table, event, steps):
                        yield route._replace(limited=_always(fixed))

    def _rules(self, here: Route, relation: Relation) -> Iterator[Route]:
        """A rule acts with the rights of its table's owner, or of a security_invoker view's user."""
        for action in rules.actions(self.database):
            rule = action.rule
            table = catalog.relations(self.database).get(rule.relation)
            if action.privilege != here.privilege or table is None or table.oid == relation.oid:
                continue
            if (relation.oid, here.number) not in action.columns:
                continue
            if not is_invoker(table) and not here.lets(self.snapshot, table.owner):
                continue
            whose = "its user" if is_invoker(table) else f"its owner {ident(table.owner)}"
            verb = "reads" if here.privilege == "SELECT" else "writes to"
            step = Step(
                relation_name(table), f"by its rule {ident(rule.name)} as {whose} {verb}", here.thing.whole
            )
            for route in self._of_any_column(table, rule.event, (step, *here.steps)):
                if is_invoker(table):
                    users = holder_names(self.snapshot, here.thing, here.privilege)
                    yield route._replace(users=both(users, here.users), limited=here.limited)
                else:
                    yield route._replace(limited=_always(here.limited(table.owner)))

    def _of_any_column(self, table: Relation, privilege: str, steps: tuple[Step, ...]) -> Iterator[Route]:
        """The openings of a statement that any one column's grant allows."""
        yield self._at(table, 0, privilege, steps)
        for column in catalog.columns(self.database, table.oid):
            if column.acl:
                yield self._at(table, column.number, privilege, steps)


def _opened_by_function(
    database: DatabaseSnapshot,
    function: Function,
    users: frozenset[str] | None,
    steps: tuple[Step, ...],
    limited: Callable[[str], bool],
) -> Route | None:
    if steps and function.returns in _TRIGGERED:
        # nobody calls a trigger function
        return None
    thing = of_function(database, function)
    return Route(thing, "EXECUTE", users, steps, limited, None, 0, function, False, False, False)


def _holds(roles: frozenset[str] | None, role: str) -> bool:
    return roles is None or role in roles


def _always(answer: bool) -> Callable[[str], bool]:
    return lambda role: answer


def _column(database: DatabaseSnapshot, relation: Relation, number: int) -> Column | None:
    return next((one for one in catalog.columns(database, relation.oid) if one.number == number), None)
