"""The rows of a table sealed, opened or sealed anew, batch by batch, by several sessions.

Each batch is a transaction with the note of how far it came, so that whatever is broken off goes on there. A
batch is as large as fits into a few milliseconds: writers wait for no more than that. The functions are
those of
the table (pgguard.backfill__..., refill__, reseal__), and `CALL pgguard.run_backfill` does the same with one
session.
"""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from pgguard.analysis.expression import Unparsable, statements
from pgguard.analysis.sqltree import walk
from pgguard.errors import ApplyStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Connection = psycopg.Connection[tuple[str, ...]]
    Connect = Callable[[], Connection]
    Progress = Callable[["Standing"], None]

_CALL = "CALL pgguard.run_backfill("
# a writer may meet the rows of a batch at its very beginning
_BATCH_SECONDS = 0.008
_VACUUM_BATCHES = 20
_VACUUM_SHARE = 0.05
_LOOK_SECONDS = 1.0
_PASSES_WITHOUT_END = 50
_PIECES = 8


class Task(NamedTuple):
    """What a CALL of pgguard.run_backfill asks for: a function over the blocks of these tables.

    A pass that changes no more rows than `enough` is the last.
    """

    relation: str
    function: str
    parts: tuple[str, ...]
    enough: int = 0


@dataclass(frozen=True, slots=True)
class Throttle:
    """How fast it may go: `jobs` sessions, rows of a batch at most, rows a second in all (0: any number).

    It pauses while a standby is more than `lag_seconds` behind, or more than `active` other sessions are at
    work
    (0: any number).
    """

    jobs: int = 1
    batch_rows: int = 1000
    rate: float = 0.0
    lag_seconds: float = 0.0
    active: int = 0


class Standing(NamedTuple):
    """How far it is: blocks done of all in this pass, rows sealed so far, and why it pauses, if it does."""

    task: Task
    done: int
    blocks: int
    rows: int
    paused: str = ""


def task_of(statement: str) -> Task | None:
    """What a statement of a migration asks for, or None when it is another one."""
    if not statement.startswith(_CALL):
        return None
    try:
        (tree,) = statements(statement)
    except Unparsable:
        return None
    constants = [fields for kind, fields in walk(tree) if kind == "A_Const"]
    relation, function, *parts = (one["sval"]["sval"] for one in constants if "sval" in one)
    (enough,) = [one["ival"].get("ival", 0) for one in constants if "ival" in one] or [0]
    return Task(relation, function, tuple(parts), enough)


def run(connect: Connect, task: Task, throttle: Throttle, *, progress: Progress = lambda _: None) -> int:
    """Carry it out and return how many rows were changed.

    Raises `psycopg.Error`, and `ApplyStopped` when rows stay locked by somebody else.
    """
    rows = 0
    for _ in range(_PASSES_WITHOUT_END):
        with contextlib.closing(connect()) as connection:
            ranges = _ranges(connection, task, throttle)
        found = _Pass(connect, task, throttle, ranges, progress, rows).run()
        rows += found
        with contextlib.closing(connect()) as connection:
            _begin_again(connection, task)
            if found <= task.enough and (task.enough or not _left(connection, task)):
                return rows
    msg = f"{task.relation}: rows are written without a key faster than they are sealed"
    raise ApplyStopped(msg)


class _Range(NamedTuple):
    part: str
    first: int
    next: int
    end: int
    rows_a_block: float


def _ranges(connection: Connection, task: Task, throttle: Throttle) -> list[_Range]:
    """The ranges of blocks that are left: those that were begun, or new ones."""
    found = []
    for part in task.parts:
        ((blocks, density),) = connection.execute(
            "SELECT pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint, "
            "CASE WHEN c.relpages > 0 THEN greatest(c.reltuples, 1) / c.relpages ELSE 50 END "
            "FROM pg_catalog.pg_class AS c WHERE c.oid = %s::pg_catalog.regclass",
            (part,),
        ).fetchall()
        known = connection.execute(
            "SELECT b.first_block, b.next_block, b.end_block FROM pgguard.backfill AS b "
            "WHERE b.relation = %s AND b.part = %s ORDER BY b.first_block",
            (task.function, part),
        ).fetchall()
        if not any(int(at) > int(first) for first, at, _ in known):
            connection.execute(
                "DELETE FROM pgguard.backfill AS b WHERE b.relation = %s AND b.part = %s",
                (task.function, part),
            )
            size = max(1, -(-int(blocks) // (_PIECES * throttle.jobs)))
            known = [
                (str(one), str(one), str(min(one + size, int(blocks)))) for one in range(0, int(blocks), size)
            ]
            for first, at, end in known:
                connection.execute(
                    "INSERT INTO pgguard.backfill (relation, part, first_block, next_block, end_block) "
                    "VALUES (%s, %s, %s, %s, %s)",
                    (task.function, part, first, at, end),
                )
        elif known:
            # rows that were added since belong to the last range
            last = max(int(blocks), int(known[-1][2]))
            known[-1] = (known[-1][0], known[-1][1], str(last))
        found += [_Range(part, int(first), int(at), int(end), float(density)) for first, at, end in known]
    return found


def _left(connection: Connection, task: Task) -> int:
    """How many rows are left at one moment: a row that moves meanwhile is met by no pass."""
    connection.execute("SET statement_timeout = 0")
    query = f"SELECT {task.function}(%s::pg_catalog.regclass, 0, NULL)".encode()
    return sum(int(connection.execute(query, (part,)).fetchall()[0][0]) for part in task.parts)


def _begin_again(connection: Connection, task: Task) -> None:
    connection.execute(
        "UPDATE pgguard.backfill AS b SET next_block = b.first_block WHERE b.relation = %s", (task.function,)
    )


@dataclass
class _Pass:
    """One pass over all ranges, by as many sessions as asked for."""

    connect: Connect
    task: Task
    throttle: Throttle
    ranges: list[_Range]
    progress: Progress
    before: int
    rows: int = 0
    batches: int = 0
    done: int = 0
    dead: int = 0
    paused: str = ""
    started: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        waiting = list(self.ranges)
        self.blocks = sum(one.end - one.next for one in waiting)
        with ThreadPoolExecutor(max(1, self.throttle.jobs) + 1) as pool:
            watcher = pool.submit(self._watch)
            workers = [pool.submit(self._work, waiting, one) for one in range(max(1, self.throttle.jobs))]
            try:
                for one in workers:
                    one.result()
            finally:
                self.stop.set()
            watcher.result()
        return self.rows

    def _work(self, waiting: list[_Range], number: int) -> None:
        try:
            with contextlib.closing(self.connect()) as connection:
                # what is lost by a crash is done again: only the last batches, and their notes with them
                connection.execute("SET synchronous_commit = off")
                connection.execute("SET statement_timeout = 0")
                while not self.stop.is_set():
                    with self.lock:
                        if not waiting:
                            return
                        one = waiting.pop(0)
                    self._range(connection, one, number)
        except BaseException:
            self.stop.set()
            raise

    def _range(self, connection: Connection, one: _Range, number: int) -> None:
        at = one.next
        most = max(1, int(self.throttle.batch_rows / max(one.rows_a_block, 1.0)))
        step = max(1, most // 4)
        while at < one.end and not self.stop.is_set():
            while self.paused and not self.stop.is_set():
                time.sleep(0.1)
            end = min(at + step, one.end)
            began = time.monotonic()
            found = self._batch(connection, one, at, end)
            took = time.monotonic() - began
            with self.lock:
                self.rows += found
                self.done += end - at
                self.batches += 1
                self.dead += found
                due = number == 0 and self._vacuum_is_due(one)
                standing = Standing(self.task, self.done, self.blocks, self.before + self.rows, self.paused)
            self.progress(standing)
            at = end
            step = max(1, min(most, int(step * _BATCH_SECONDS / max(took, 0.0005)), step * 2))
            if due:
                self._vacuum(connection, one)
            if self.throttle.rate:
                ahead = self.rows / self.throttle.rate - (time.monotonic() - self.started)
                if ahead > 0:
                    self.stop.wait(ahead)

    def _batch(self, connection: Connection, one: _Range, at: int, end: int) -> int:
        with connection.transaction():
            # the function's name comes from a file of ours that was checked against its digest
            query = f"SELECT {self.task.function}(%s::pg_catalog.regclass, %s, %s)".encode()
            ((found,),) = connection.execute(query, (one.part, at, end)).fetchall()
            connection.execute(
                "UPDATE pgguard.backfill AS b SET next_block = %s, end_block = greatest(b.end_block, %s), "
                "rows = b.rows + %s, at = pg_catalog.clock_timestamp() "
                "WHERE b.relation = %s AND b.part = %s AND b.first_block = %s",
                (end, one.end, found, self.task.function, one.part, one.first),
            )
        return int(found)

    def _vacuum_is_due(self, one: _Range) -> bool:
        enough = max(
            _VACUUM_BATCHES * self.throttle.batch_rows, _VACUUM_SHARE * one.rows_a_block * self.blocks
        )
        return self.dead >= enough

    def _vacuum(self, connection: Connection, one: _Range) -> None:
        with self.lock:
            self.dead = 0
        # autovacuum may have it, and then it is done anyway
        with contextlib.suppress(psycopg.errors.LockNotAvailable):
            connection.execute(f"VACUUM (SKIP_LOCKED) {one.part}".encode())

    def _watch(self) -> None:
        """Looks every second whether there is a reason to pause."""
        if not self.throttle.lag_seconds and not self.throttle.active:
            return
        with contextlib.closing(self.connect()) as connection:
            while not self.stop.wait(_LOOK_SECONDS):
                self.paused = "; ".join(self._reasons(connection))

    def _reasons(self, connection: Connection) -> Iterator[str]:
        ((lag, active),) = connection.execute(
            "SELECT coalesce((SELECT pg_catalog.max(extract(epoch FROM r.replay_lag)) "
            "FROM pg_catalog.pg_stat_replication AS r), 0), "
            "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.state = 'active' "
            "AND a.backend_type = 'client backend' AND a.application_name <> 'pgguard')"
        ).fetchall()
        if self.throttle.lag_seconds and float(lag) > self.throttle.lag_seconds:
            yield f"a standby is {float(lag):.1f} s behind"
        if self.throttle.active and int(active) > self.throttle.active:
            yield f"{active} sessions are at work"


def tasks(texts: Sequence[str]) -> tuple[Task, ...]:
    """All that the statements of a file ask for."""
    return tuple(task for text in texts if (task := task_of(text)) is not None)
