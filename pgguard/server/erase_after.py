"""After the rows are gone: VACUUM, statistics, tables written anew, and how far WAL is."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from pgguard.analysis.erasure_shape import Shape
from pgguard.changes.statistics import clear_statistics
from pgguard.errors import InputError
from pgguard.server.erase_read import rows
from pgguard.server.refusal import passes, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.erasure import Erasure, Work

    Connection = psycopg.Connection[tuple[Any, ...]]

_TRIES = 5
_WAIT_SECONDS = 2.0
_CATALOG = "catalog: "


class Kept(NamedTuple):
    """What was done to the files of one table.

    `clear`: nothing kept the erased rows from being removed. `statistics` are the columns of which the
    planner still holds values that it should not.
    """

    vacuumed: bool
    rewritten: bool
    clear: bool
    statistics: tuple[str, ...]
    said: tuple[str, ...]


def alone(connection: Connection) -> None:
    """Let no other run begin in this database while the session lasts.

    Raises `InputError` while another is at work; one that was killed ends in a moment.
    """
    for _ in range(_TRIES):
        ((got,),) = rows(connection, "alone")
        if got:
            return
        time.sleep(_WAIT_SECONDS)
    msg = f"another erasure is at work in the database {connection.info.dbname}: wait until it has ended"
    raise InputError(msg)


def settled(connection: Connection) -> str:
    """Bring all that was committed to disk; the number of a transaction that is younger than all of it."""
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = on")
        return str(rows(connection, "mark")[0][0])


def keepers(
    connection: Connection, xid: str, *, wait: float = _WAIT_SECONDS, catalog: bool = False
) -> list[str]:
    """What keeps rows that were erased before `xid` from being removed; short transactions are waited for."""
    until = time.monotonic() + wait
    while True:
        found = [
            f"{name.removeprefix(_CATALOG)}: {count}"
            for name, count in rows(connection, "keepers", xid)
            if count and (catalog or not name.startswith(_CATALOG))
        ]
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.1)


def clean(connection: Connection, erasure: Erasure, work: Work, xid: str, *, rewrite: bool) -> Kept:
    """VACUUM and ANALYZE a table and its parts, and remove what statistics keep of emptied ones.

    `rewrite`: VACUUM FULL, which takes ACCESS EXCLUSIVE for as long as it writes. Raises `psycopg.Error`.
    """
    shape = Shape(erasure.catalog)
    said: list[str] = []
    kept = keepers(connection, xid, wait=0)
    said += [f"{one} may still see the rows, so that VACUUM keeps them" for one in kept]
    with _aloud(connection, said), _patient(connection):
        names = [shape.tables[one].sql for one in work.leaves]
        vacuumed = sum(_vacuum(connection, "VACUUM (ANALYZE)", one, said) for one in names) == len(names)
        rewritten = rewrite and sum(
            _vacuum(connection, "VACUUM (FULL, ANALYZE)", one, said) for one in names
        ) == len(names)
        if len(work.leaves) > 1 or work.leaves != (work.table,):
            _vacuum(connection, "ANALYZE", shape.tables[work.table].sql, said)
    with _patient(connection):
        left = tuple(_statistics(connection, erasure, shape, work, said))
    return Kept(vacuumed, rewritten, not kept, left, tuple(dict.fromkeys(said)))


def rewrite_statistics(connection: Connection, xid: str) -> tuple[bool, tuple[str, ...]]:
    """Write pg_statistic anew, whose dead rows hold values of what was analyzed before; whether it is
    clear.
    """
    said: list[str] = []
    kept = keepers(connection, xid, catalog=True)
    with _aloud(connection, said), _patient(connection):
        done = _vacuum(connection, "VACUUM (FULL)", "pg_catalog.pg_statistic", said)
    return done and not kept, tuple(said)


def refresh(connection: Connection, names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """REFRESH materialized views, innermost first as given; which were, and what the server said."""
    done, said = [], []
    with _patient(connection):
        for name in names:
            try:
                connection.execute(f"REFRESH MATERIALIZED VIEW {name}".encode())
                connection.execute(f"ANALYZE {name}".encode())
                done.append(name)
            except psycopg.Error as error:
                said.append(f"{name}: {refusal(error)}")
    return tuple(done), tuple(said)


def checkpoint(connection: Connection) -> bool:
    """Write dirty pages out where this role may; whether it was done."""
    ((may,),) = rows(connection, "may_checkpoint")
    if may:
        connection.execute("CHECKPOINT")
    return bool(may)


def _vacuum(connection: Connection, what: str, table: str, said: list[str]) -> bool:
    before = len(said)
    for attempt in range(_TRIES):
        try:
            connection.execute(f"{what} {table}".encode())
        except psycopg.Error as error:
            if connection.closed:
                raise
            if passes(error) and attempt < _TRIES - 1:
                time.sleep(0.2 * (attempt + 1))
                continue
            said.append(f"{what} {table}: {refusal(error)}")
            return False
        # whoever may not is told by a warning, and no error
        return len(said) == before
    return False


def _statistics(
    connection: Connection, erasure: Erasure, shape: Shape, work: Work, said: list[str]
) -> Iterator[str]:
    """Columns of emptied tables of which values are kept; they are removed where this role may."""
    tables = [work.table, *(one for one in work.leaves if one != work.table)]
    emptied = [
        one
        for one in tables
        if not connection.execute(
            f"SELECT EXISTS (SELECT FROM {shape.tables[one].sql})".encode()  # noqa: S608 - a quoted name
        ).fetchall()[0][0]
    ]
    if not emptied:
        return
    for _, schema, table, column, inherited in rows(connection, "statistics", emptied):
        change = clear_statistics(schema, table, column, inherited=inherited, major=erasure.catalog.major)
        try:
            connection.execute(change.sql.encode())
        except psycopg.Error as error:
            if connection.closed:
                raise
            said.append(f"statistics of {schema}.{table}: {refusal(error)}")
    for name, _, _, column, _ in rows(connection, "statistics", emptied):
        yield f"{name}.{column}"
    for (name,) in rows(connection, "extended", emptied):
        yield f"extended statistics {name}"


@contextlib.contextmanager
def _patient(connection: Connection) -> Iterator[None]:
    """Whoever waits for a lock has others wait behind it, and that ends soon."""
    connection.execute("SET lock_timeout = '2s'")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SET lock_timeout = '5s'")


@contextlib.contextmanager
def _aloud(connection: Connection, said: list[str]) -> Iterator[None]:
    """Warnings of the server are added to what was said."""

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            said.append(notice.message_primary or "")

    connection.execute("SET client_min_messages = warning")
    connection.add_notice_handler(hear)
    try:
        yield
    finally:
        connection.remove_notice_handler(hear)
        if not connection.closed:
            connection.execute("SET client_min_messages = error")
