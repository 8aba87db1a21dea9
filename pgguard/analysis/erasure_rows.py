"""Conditions on rows: what is due, what a hold keeps, what rows that stay keep from going.

A hold spares the rows that it names, those that reference them, and those that they reference. A row goes
only when every row that references it goes before it, or goes along because the schema says CASCADE and no
rule of its own keeps it, or lets go of it (SET NULL). Constants travel as parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.erasure_order import Circular, breaks
from pgguard.analysis.erasure_text import NEVER, either, keyed, match, moved, rows_of
from pgguard.errors import InputError
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgguard.analysis.erasure_shape import Shape
    from pgguard.model.erasure import Edge, Erasure, Held, Table, Work

_CASTS = {
    "date": "pg_catalog.date",
    "timestamp without time zone": "pg_catalog.timestamp",
    "timestamp with time zone": "pg_catalog.timestamptz",
}
_MOST = 4000


class Rows:
    """Writes conditions for one statement; `values` grow with it and are its parameters, from $1 on.

    `live` is for a run: the tables before it in the order are done, so that what is left of their rows stays.
    `points`: the statement is about a few rows, for each of which what is asked is looked up by itself.
    """

    def __init__(
        self,
        shape: Shape,
        erasure: Erasure,
        *,
        live: bool,
        points: bool = False,
        values: Sequence[object] = (),
        person: str = "",
    ) -> None:
        self.shape = shape
        self.erasure = erasure
        self.live = live
        self._points = points
        self.values: list[object] = list(values)
        self._person = person
        self._work = {oid: work for work in erasure.works for oid in shape.whole(work.table)}
        self._holds: dict[int, list[Held]] = {}
        for one in erasure.holds:
            self._holds.setdefault(one.table, []).append(one)
        self._names = 0
        self._above: dict[int, bool] = {}
        self._below: dict[int, bool] = {}

    def due(self, work: Work, row: str) -> str:
        """By age, or because it is the person's; of columns that are emptied, one is not empty yet."""
        if self.erasure.subject:
            due = self._reached(work.table, row, frozenset())
        else:
            number = self._value(work.cutoff)
            # a date is compared with the day, a timestamp with the moment, both as the zone of
            # the session has it
            cast = "" if work.age_type == "timestamp with time zone" else f"::{_CASTS[work.age_type]}"
            due = f"{row}.{ident(work.age_column)} < {number}::pg_catalog.timestamptz{cast}"
        if work.method == "delete":
            return due
        filled = " OR ".join(
            f"{row}.{ident(one.column)} IS NOT NULL"
            if one.value == "NULL"
            # by their texts: not every type has an operator for it
            else f"{row}.{ident(one.column)}::pg_catalog.text <> ({one.value})::pg_catalog.text"
            for one in work.emptied
        )
        return f"({due}) AND ({filled})"

    def held(self, oid: int, row: str) -> str:
        """By a hold on the row itself, on what it references, or on what references it."""
        return either([self._held_above(oid, row, ()), self._held_below(oid, row, ())])

    def goes(self, work: Work, leaf: int, row: str, seen: tuple[int, ...] = ()) -> str:
        """Whether a row of a leaf goes: it is due, not held, and nothing that stays references it."""
        parts = [f"({self.due(work, row)})"]
        held = self.held(leaf, row)
        if held != NEVER:
            parts.append(f"({held}) IS NOT TRUE")
        if work.method == "delete":
            parts += [f"NOT {one}" for one in self._stopped(leaf, row, seen)]
        return " AND ".join(parts)

    def along(self, edge: Edge, row: str, seen: tuple[int, ...] = ()) -> str:
        """Whether a row of the edge's child, which has no rule, references a row that goes, or goes along."""
        parent = self._name()
        work = self._work.get(edge.parent)
        if work is not None:
            goes = self.goes(work, edge.parent, parent) if work.method == "delete" else NEVER
        else:
            goes = either(
                [
                    self.along(one, parent, (*seen, edge.child))
                    for one in self.shape.outgoing(edge.parent)
                    if one.on_delete == "c" and one.parent not in (*seen, edge.child, edge.parent)
                ]
            )
        return NEVER if goes == NEVER else self._exists(edge.parent, parent, match(edge, row, parent), goes)

    # holds

    def _held_above(self, oid: int, row: str, seen: tuple[int, ...]) -> str:
        """By a hold on the row, or on a row that it references, however far."""
        if not self._is_held_above(oid, ()):
            return NEVER
        loops = [edge for edge in self.shape.outgoing(oid) if edge.parent == edge.child]
        direct = self._held_directly(oid, row, seen)
        if not loops:
            return direct
        return either([direct, self._up(loops, row, lambda one: self._held_directly(oid, one, seen))])

    def _held_directly(self, oid: int, row: str, seen: tuple[int, ...]) -> str:
        self._circle(oid, seen)
        found = []
        for one in self.shape.roots(oid):
            for hold in self._holds.get(one, ()):
                found.append(self._holds_row(hold, row))
        for edge in self.shape.outgoing(oid):
            if edge.parent != edge.child and self._is_held_above(edge.parent, ()):
                parent = self._name()
                inner = self._held_above(edge.parent, parent, (*seen, oid))
                found.append(self._exists(edge.parent, parent, match(edge, row, parent), inner))
        return either(found)

    def _held_below(self, oid: int, row: str, seen: tuple[int, ...]) -> str:
        """Because a row that references it is held, however far."""
        if not self._is_held_below(oid, ()):
            return NEVER
        loops = [edge for edge in self.shape.incoming(oid) if edge.parent == edge.child]
        direct = self._held_below_directly(oid, row, seen)
        if not loops:
            return direct
        held = self._down(
            loops,
            row,
            lambda one: either([self._own_holds(oid, one), self._held_below_directly(oid, one, seen)]),
        )
        return either([direct, held])

    def _held_below_directly(self, oid: int, row: str, seen: tuple[int, ...]) -> str:
        self._circle(oid, seen)
        found = []
        for edge in self.shape.incoming(oid):
            if edge.child != edge.parent and (
                self._holds_any(edge.child) or self._is_held_below(edge.child, ())
            ):
                child = self._name()
                inner = either(
                    [self._own_holds(edge.child, child), self._held_below(edge.child, child, (*seen, oid))]
                )
                found.append(self._exists(edge.child, child, match(edge, child, row), inner))
        return either(found)

    def _own_holds(self, oid: int, row: str) -> str:
        return either(
            [self._holds_row(hold, row) for one in self.shape.roots(oid) for hold in self._holds.get(one, ())]
        )

    def _holds_any(self, oid: int) -> bool:
        return any(one in self._holds for one in self.shape.roots(oid))

    def _holds_row(self, hold: Held, row: str) -> str:
        if not hold.condition:
            return "true"
        condition = moved(hold.condition, len(self.values), len(hold.values))
        self.values += hold.values
        # of the row alone: no name of another table can stand in for one of its columns
        return f"EXISTS (SELECT FROM (SELECT {row}.*) AS own WHERE {condition})"

    def _is_held_above(self, oid: int, seen: tuple[int, ...]) -> bool:
        if oid not in self._above:
            found = self._holds_any(oid) or any(
                edge.parent not in (*seen, oid) and self._is_held_above(edge.parent, (*seen, oid))
                for edge in self.shape.outgoing(oid)
            )
            if seen and not found:
                return False
            self._above[oid] = found
        return self._above[oid]

    def _is_held_below(self, oid: int, seen: tuple[int, ...]) -> bool:
        if oid not in self._below:
            found = any(
                self._holds_any(edge.child)
                or (edge.child not in (*seen, oid) and self._is_held_below(edge.child, (*seen, oid)))
                for edge in self.shape.incoming(oid)
            )
            if seen and not found:
                return False
            self._below[oid] = found
        return self._below[oid]

    # rows that stay

    def _stopped(self, oid: int, row: str, seen: tuple[int, ...]) -> list[str]:
        """Conditions of which each says that a row which stays references this one."""
        self._circle(oid, seen)
        found = []
        loops = [edge for edge in self.shape.incoming(oid) if edge.child == edge.parent]
        for edge in self.shape.incoming(oid):
            if edge in loops:
                continue
            child = self._name()
            stays = self._stays(edge, child, (*seen, oid))
            if stays != NEVER:
                found.append(self._exists(edge.child, child, match(edge, child, row), stays))
        found += self._stopped_within(oid, row)
        closed = [edge for edge in loops if not breaks(edge) and self._follows(oid, edge)]
        if closed and not (self.live and oid in self._work):
            found.append(self._down(closed, row, lambda one: self._stays_alone(oid, one, (*seen, oid))))
        return found

    def _follows(self, oid: int, edge: Edge) -> bool:
        """Whether rows of a table that references itself may go with what they reference."""
        return oid in self._work or edge.on_delete == "c"

    def _stopped_within(self, oid: int, row: str) -> list[str]:
        """The same by rows of its own table that reference it directly."""
        found = []
        for edge in self.shape.incoming(oid):
            child = self._name()
            if edge.child != edge.parent:
                continue
            if breaks(edge):
                stays = self.held(oid, child)
            elif self._follows(oid, edge) and not (self.live and oid in self._work):
                continue
            else:
                # leaves first: a row that references only itself is one
                stays = f"({child}.tableoid, {child}.ctid) IS DISTINCT FROM ({row}.tableoid, {row}.ctid)"
            if stays != NEVER:
                found.append(self._exists(edge.child, child, match(edge, child, row), stays))
        return found

    def closed(self, work: Work, leaf: int, row: str) -> str:
        """As `goes`, for rows of a table that references itself, taken all at once in one statement."""
        was, self.live = self.live, False
        try:
            return self.goes(work, leaf, row)
        finally:
            self.live = was

    def _stays_alone(self, oid: int, row: str, seen: tuple[int, ...]) -> str:
        """Whether a row stays for a reason other than rows of its own table."""
        work = self._work.get(oid)
        reasons = [self._held_above(oid, row, ()), *self._stopped_within(oid, row)]
        if work is not None:
            reasons.append(f"({self.due(work, row)}) IS NOT TRUE")
        for edge in self.shape.incoming(oid):
            if edge.child != edge.parent:
                child = self._name()
                stays = self._stays(edge, child, seen)
                if stays != NEVER:
                    reasons.append(self._exists(edge.child, child, match(edge, child, row), stays))
        return either(reasons)

    def _stays(self, edge: Edge, child: str, seen: tuple[int, ...]) -> str:
        """Whether a row that references one which is to go keeps it from going."""
        work = self._work.get(edge.child)
        if breaks(edge) and (work is None or not self.erasure.subject or edge.child in seen):
            # it lets go of it, unless a hold keeps it as it is
            return self.held(edge.child, child)
        if work is not None and work.method == "delete":
            return "true" if self.live else f"({self.goes(work, edge.child, child, seen)}) IS NOT TRUE"
        if work is None and edge.on_delete == "c":
            return either([self._held_above(edge.child, child, ()), *self._stopped(edge.child, child, seen)])
        return "true"

    # a person

    def _reached(self, oid: int, row: str, seen: frozenset[int]) -> str:
        found = []
        tables = self.shape.roots(oid)
        if self.erasure.subject in tables:
            column = self.shape.columns[self.erasure.subject][self.erasure.key]
            found.append(f"{row}.{ident(column.name)} = {self._value(self._person)}::{column.base}")
        for table, name in self.erasure.keyed:
            if table in tables:
                column = self.shape.columns[table][name]
                found.append(f"{row}.{ident(name)} = {self._value(self._person)}::{column.base}")
        for edge in self.shape.outgoing(oid):
            if edge.parent == edge.child or edge.parent in seen or edge.parent not in self._work:
                continue
            if self.erasure.subject in tables:
                continue
            parent = self._name()
            inner = self._reached(edge.parent, parent, seen | {oid})
            if inner != NEVER:
                found.append(self._exists(edge.parent, parent, match(edge, row, parent), inner))
        return either(found)

    # pieces

    def _up(self, loops: list[Edge], row: str, held: Callable[[str], str]) -> str:
        """Whether a row that it references through its own table, however far, is one of those."""
        keys, table = self._keys(loops)
        own, parent, wide = self._name(), self._name(), self._name()
        names = ", ".join(f"k{n}" for n in range(len(keys)))
        starts = " UNION ".join(
            "SELECT " + ", ".join(f"{row}.{ident(one)}" for one in edge.columns) for edge in loops
        )
        step = ", ".join(
            "(" + ", ".join(f"{parent}.{ident(one)}" for one in edge.columns) + ")" for edge in loops
        )
        joined = keyed(keys, parent, own, loops[0])
        return (  # names are quoted
            f"EXISTS (WITH RECURSIVE {own} ({names}) AS ({starts} UNION SELECT {wide}.* FROM "  # noqa: S608
            f"{rows_of(table)} AS {parent} "
            f"JOIN {own} ON {joined} CROSS JOIN LATERAL (VALUES {step}) AS {wide}) "
            f"SELECT FROM {rows_of(table)} AS {parent} JOIN {own} ON {joined} WHERE {held(parent)})"
        )

    def _down(self, loops: list[Edge], row: str, stays: Callable[[str], str]) -> str:
        """Whether a row that references it through its own table, however far, is one of those."""
        keys, table = self._keys(loops)
        own, child = self._name(), self._name()
        names = ", ".join(f"k{n}" for n in range(len(keys)))
        picked = ", ".join(f"{child}.{ident(one)}" for one in keys)
        first = " OR ".join(f"({match(edge, child, row)})" for edge in loops)
        then = " OR ".join(
            "("
            + " AND ".join(
                f"{own}.k{keys.index(p)} {op} {child}.{ident(c)}"
                for c, p, op in zip(edge.columns, edge.parent_columns, edge.operators, strict=True)
            )
            + ")"
            for edge in loops
        )
        return (  # names are quoted
            f"EXISTS (WITH RECURSIVE {own} ({names}) AS (SELECT {picked} FROM {rows_of(table)} AS {child} "  # noqa: S608
            f"WHERE {first} "
            f"UNION SELECT {picked} FROM {rows_of(table)} AS {child} JOIN {own} ON {then}) "
            f"SELECT FROM {rows_of(table)} AS {child} JOIN {own} ON {keyed(keys, child, own, loops[0])} "
            f"WHERE {stays(child)})"
        )

    def _keys(self, loops: list[Edge]) -> tuple[tuple[str, ...], Table]:
        if len({edge.parent_columns for edge in loops}) > 1:
            names = ", ".join(edge.name for edge in loops)
            msg = f"{self.shape.tables[loops[0].child].sql} references itself by different keys ({names})"
            raise InputError(msg)
        return loops[0].parent_columns, self.shape.tables[loops[0].child]

    def _exists(self, oid: int, row: str, matched: str, inner: str) -> str:
        condition = matched if inner == "true" else f"{matched} AND ({inner})"
        # keeps the planner from reading the whole table once for all rows
        last = " OFFSET 0" if self._points else ""
        return f"EXISTS (SELECT FROM {rows_of(self.shape.tables[oid])} AS {row} WHERE {condition}{last})"

    def _circle(self, oid: int, seen: tuple[int, ...]) -> None:
        if oid in seen:
            names = " -> ".join(self.shape.tables[one].sql for one in (*seen[seen.index(oid) :], oid))
            msg = f"foreign keys go round in a circle: {names}"
            raise Circular(msg)

    def _name(self) -> str:
        self._names += 1
        if self._names > _MOST:
            msg = (
                "the foreign keys around these tables are too many to be followed: erase table by table "
                "(--table)"
            )
            raise InputError(msg)
        return f"r{self._names}"

    def _value(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"
