"""Rows erased in batches: each a transaction of a few milliseconds that never waits while it holds rows.

A stream of candidates is read once for a pass; each batch locks those of them that nobody holds, and asks
again, of what is committed by then, whether they still go. A row that is locked by somebody else is left
for the next pass. Whatever is broken off is gone on with by doing it again: rows go before what they
reference, so that nothing is ever half.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from pgguard.analysis.erasure_rows import Rows
from pgguard.analysis.erasure_shape import Shape
from pgguard.model.quote import ident
from pgguard.server.erase_read import rows
from pgguard.server.refusal import passes, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.model.erasure import Erasure, Held, Work
    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[Any, ...]]
    Say = Callable[[str], None]

# a writer may meet the rows of a batch at its very beginning
_BATCH_SECONDS = 0.004
# on a busy machine a batch of any size takes longer than that: it is not made smaller than so many rows for
# it
_FEW = 16
_FEW_SECONDS = 0.02
_MOST = 2000
_FIRST = 4
_STREAM = 5000
_IDLE_PASSES = 4
_PAUSE_SECONDS = 0.25
_VIOLATED = "23"
_PLACES = "ctid = ANY ($1::pg_catalog.text[]::pg_catalog.tid[])"


class Took(NamedTuple):
    """What one table's batches came to: rows changed, batches, those the server refused, and what it said."""

    changed: int
    batches: int
    refused: int
    longest: float
    said: tuple[str, ...]


@dataclass
class Eraser:
    """Erases table by table. `holds` is asked before every batch; `person` is the key, for a person's
    erasure.
    """

    target: Target
    connection: Connection
    erasure: Erasure
    holds: Callable[[], tuple[Held, ...]]
    person: str = field(default="", repr=False)
    say: Say = lambda _: None
    shape: Shape = field(init=False)

    def __post_init__(self) -> None:
        self.shape = Shape(self.erasure.catalog)
        self._known: tuple[Held, ...] = self.erasure.holds
        self._made: dict[int, tuple[tuple[Held, ...], bytes, bytes, list[object]]] = {}
        # the same statement for every batch
        self.connection.prepare_threshold = 5

    def table(self, work: Work) -> Took:
        """Erase what is due of one table, in as many passes as it takes.

        Raises `psycopg.Error`, and what asking for holds raises.
        """
        done = _Sums()
        idle = 0
        while idle < _IDLE_PASSES:
            if idle:
                time.sleep(_PAUSE_SECONDS * idle)
            before = done.changed
            met = sum(self._pass(work, leaf, done) for leaf in work.leaves)
            if not met:
                break
            idle = 0 if done.changed > before else idle + 1
        if work.method == "delete" and self._references_itself(work):
            self._closed(work, done)
        return Took(done.changed, done.batches, len(done.refused), done.longest, tuple(sorted(done.said)))

    def _pass(self, work: Work, leaf: int, done: _Sums) -> int:
        """One pass over a leaf; how many candidates it met."""
        size, met = _FIRST, 0
        waiting: list[str] = []
        for some in self._candidates(work, leaf):
            waiting += [one for one in some if (leaf, one) not in done.refused]
            met += len(some)
            while len(waiting) >= size:
                batch, waiting = waiting[:size], waiting[size:]
                took = self._batch(work, leaf, batch, done)
                size = _next(len(batch), took)
        while waiting:
            batch, waiting = waiting[:size], waiting[size:]
            self._batch(work, leaf, batch, done)
        return met

    def _candidates(self, work: Work, leaf: int) -> Iterator[list[str]]:
        made = self._rows()
        table = self.shape.tables[leaf].sql
        # names are quoted and values are parameters in all that Rows writes
        text = f"SELECT t.ctid::pg_catalog.text FROM ONLY {table} AS t WHERE {made.goes(work, leaf, 't')}"  # noqa: S608
        with contextlib.closing(self.target.connect(self.erasure.catalog.database)) as reader:
            rows(reader, "session")
            with psycopg.RawServerCursor(reader, "pgguard_erase") as cursor:
                cursor.execute(text.encode(), made.values)
                while found := cursor.fetchmany(_STREAM):
                    yield [str(one[0]) for one in found]

    def _batch(self, work: Work, leaf: int, batch: Sequence[str], done: _Sums) -> float:
        """One batch, or its parts when it is refused; how long the last transaction took, in seconds."""
        began = time.monotonic()
        try:
            changed = self._change(work, leaf, batch)
        except psycopg.Error as error:
            if self.connection.closed:
                raise
            took = time.monotonic() - began
            violated = (error.sqlstate or "").startswith(_VIOLATED)
            if not violated and not passes(error) and not _is_raised(error):
                raise
            if len(batch) > 1:
                half = len(batch) // 2
                self._batch(work, leaf, batch[:half], done)
                return max(took, self._batch(work, leaf, batch[half:], done))
            if not passes(error):
                done.refused.add((leaf, batch[0]))
                done.said.add(refusal(error))
            return took
        took = time.monotonic() - began
        done.changed += changed
        done.batches += 1
        done.longest = max(done.longest, took)
        self.say(f"{work.name}: {done.changed:,} rows")
        return took

    def _change(self, work: Work, leaf: int, batch: Sequence[str]) -> int:
        lock, change, values = self._statements(work, leaf)
        cursor = psycopg.RawCursor(self.connection)
        if not lock:
            return cursor.execute(change, [list(batch), *values]).rowcount
        with self.connection.transaction():
            # from here on nobody can add a row that references one of these
            free = [str(one[0]) for one in cursor.execute(lock, [list(batch)]).fetchall()]
            # a statement of its own sees what was committed until now
            return cursor.execute(change, [free, *values]).rowcount if free else 0

    def _statements(self, work: Work, leaf: int) -> tuple[bytes, bytes, list[object]]:
        """What locks the rows of a batch, what changes them, and the values after their places.

        One statement does both unless a row that is added meanwhile would go by CASCADE: elsewhere the server
        refuses to delete what it references.
        """
        holds = self.holds()
        known = self._made.get(leaf)
        if known is not None and known[0] == holds:
            return known[1:]
        made = self._rows([None], points=True)
        goes = made.goes(work, leaf, "t")
        table = self.shape.tables[leaf].sql
        free = f"FROM ONLY {table} AS s WHERE s.{_PLACES} FOR UPDATE SKIP LOCKED"
        change = f"DELETE FROM ONLY {table} AS t"  # noqa: S608 - names are quoted, values are parameters
        if work.method != "delete":
            sets = ", ".join(f"{ident(one.column)} = {one.value}" for one in work.emptied)
            change = f"UPDATE ONLY {table} AS t SET {sets}"  # noqa: S608
        if work.method == "delete" and any(edge.on_delete == "c" for edge in self.shape.incoming(leaf)):
            lock, change = f"SELECT s.ctid::pg_catalog.text {free}", f"{change} WHERE t.{_PLACES} AND {goes}"
        else:
            lock, change = "", f"{change} WHERE t.ctid = ANY (ARRAY(SELECT s.ctid {free})) AND {goes}"
        self._made[leaf] = found = (holds, lock.encode(), change.encode(), made.values[1:])
        return found[1:]

    def _references_itself(self, work: Work) -> bool:
        return any(edge.child == edge.parent for leaf in work.leaves for edge in self.shape.incoming(leaf))

    def _closed(self, work: Work, done: _Sums) -> None:
        """Rows of a table that reference each other in a circle: no order suits them, so they go together."""
        for leaf in work.leaves:
            made = self._rows()
            table = self.shape.tables[leaf].sql
            text = f"DELETE FROM ONLY {table} AS t WHERE {made.closed(work, leaf, 't')}"  # noqa: S608
            try:
                done.changed += (
                    psycopg.RawCursor(self.connection).execute(text.encode(), made.values).rowcount
                )
            except psycopg.Error as error:
                if self.connection.closed or not (
                    (error.sqlstate or "").startswith(_VIOLATED) or passes(error)
                ):
                    raise
                done.said.add(refusal(error))

    def _rows(self, values: Sequence[object] = (), *, points: bool = False) -> Rows:
        holds = self.holds()
        if holds != self._known:
            self._known = holds
            self.say("the holds have changed")
        return Rows(
            self.shape,
            _with(self.erasure, holds),
            live=True,
            points=points,
            values=values,
            person=self.person,
        )


def _with(erasure: Erasure, holds: tuple[Held, ...]) -> Erasure:
    from dataclasses import replace

    return erasure if holds == erasure.holds else replace(erasure, holds=holds)


def _is_raised(error: psycopg.Error) -> bool:
    # what a trigger raises: P0001, or a class of its own
    return (error.sqlstate or "").startswith("P0")


def _next(size: int, took: float) -> int:
    """How many rows the next batch has, after one of `size` rows took so long."""
    took = max(took, 0.0003)
    wanted = max(int(size * _BATCH_SECONDS / took), min(_FEW, int(size * _FEW_SECONDS / took)))
    return max(1, min(_MOST, size * 2, wanted))


@dataclass
class _Sums:
    changed: int = 0
    batches: int = 0
    longest: float = 0.0
    refused: set[tuple[int, str]] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
