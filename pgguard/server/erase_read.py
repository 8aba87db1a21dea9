"""What an erasure has to know of a database, and its dry run: exact counts of one moment."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal

import psycopg

from pgguard.analysis.erasure_order import Circular
from pgguard.analysis.erasure_rows import Rows
from pgguard.analysis.erasure_shape import Shape
from pgguard.errors import ConnectError, InputError
from pgguard.model.erasure import (
    Along,
    Catalog,
    Column,
    Counted,
    Dry,
    Edge,
    Files,
    Fires,
    Part,
    Stored,
    Table,
    WholePart,
)
from pgguard.model.quote import ident
from pgguard.server.queries import variants
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.model.erasure import Erasure, Work
    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[Any, ...]]
    Say = Callable[[str], None]


@contextlib.contextmanager
def session(target: Target, database: str = "") -> Iterator[Connection]:
    """A session that writes, each statement a transaction of its own unless one is begun.

    Raises `ConnectError`, in words that name no value.
    """
    with contextlib.closing(target.connect(database)) as connection:
        connection.read_only = None
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        connection.autocommit = True
        try:
            rows(connection, "session")
            yield connection
        except psycopg.Error as error:
            msg = f"the erasure broke off: {refusal(error)}; run it again to go on"
            raise ConnectError(msg) from None


def rows(connection: Connection, name: str, *values: object) -> list[tuple[Any, ...]]:
    """What sql/erase/NAME.sql gives."""
    texts = variants("erase", name)
    major = connection.info.server_version // 10000
    text = texts[max(since for since in texts if since <= major)]
    return psycopg.RawCursor(connection).execute(text, list(values) or None).fetchall()


def asked(connection: Connection, text: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """The rows of a statement that was put together by us."""
    return psycopg.RawCursor(connection).execute(text.encode(), list(values) or None).fetchall()


@contextlib.contextmanager
def moment(connection: Connection) -> Iterator[None]:
    """One moment for all that is read: a read-only transaction in repeatable read."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    try:
        yield
    finally:
        with contextlib.suppress(psycopg.Error):
            connection.execute("ROLLBACK")


def read_catalog(connection: Connection, *, standby: bool = False) -> Catalog:
    """The catalog of the database.

    Raises `InputError` on a standby unless it is for reading, and where it is not known which columns are
    encrypted.
    """
    ((database, major, now, zone, superuser, in_recovery),) = rows(connection, "place")
    if in_recovery and not standby:
        msg = "this is a standby, where nothing can be erased: connect to the primary"
        raise InputError(msg)
    ((installed, known),) = rows(connection, "has_encrypted")
    if installed and not known:
        msg = "this login may not know which columns are encrypted: GRANT SELECT ON pgguard.encrypted_column"
        raise InputError(msg)
    tables = tuple(Table(*one) for one in rows(connection, "tables"))
    oids = [one.oid for one in tables]
    return Catalog(
        database,
        major,
        now,
        zone,
        superuser,
        tables,
        tuple(Column(*one) for one in rows(connection, "columns", oids)),
        tuple(
            Edge(name, child, tuple(columns), parent, tuple(of), tuple(operators), *rest)
            for name, child, columns, parent, of, operators, *rest in rows(connection, "edges")
        ),
        tuple(Fires(oid, name, tuple(on), *rest) for oid, name, on, *rest in rows(connection, "fires", oids)),
        tuple(Part(*one) for one in rows(connection, "parts")),
        tuple(Stored(*one) for one in rows(connection, "stored")) if installed else (),
    )


def cutoff(connection: Connection) -> Callable[[int], str]:
    """Tells the server's time so many months ago."""
    return lambda months: str(rows(connection, "cutoff", months)[0][0])


def dry_run(connection: Connection, erasure: Erasure, *, person: str = "", say: Say = lambda _: None) -> Dry:
    """Exact counts of one moment; nothing is changed. The caller has opened the moment.

    Raises `InputError` for what cannot be followed, `psycopg.Error`.
    """
    shape = Shape(erasure.catalog)
    try:
        counts, whole = [], []
        for work in erasure.works:
            say(f"counting {work.name}")
            counted, parts = count(connection, shape, erasure, work, person)
            counts.append(counted)
            whole += parts
        along = tuple(_along(connection, shape, erasure, person))
    except Circular as error:
        raise InputError(str(error)) from None
    return Dry(
        tuple(counts), along, tuple(whole), tuple(_fires(shape, erasure)), tuple(_unindexed(shape, erasure))
    )


def count(
    connection: Connection,
    shape: Shape,
    erasure: Erasure,
    work: Work,
    person: str = "",
    *,
    live: bool = False,
) -> tuple[Counted, list[WholePart]]:
    """The rows of one table, leaf by leaf, and the partitions of which every row goes."""
    all_rows = ageless = due = held = going = 0
    whole = []
    for leaf in work.leaves:
        table = shape.tables[leaf].sql
        made = Rows(shape, erasure, live=live, person=person)
        no_age = f"t.{ident(work.age_column)} IS NULL" if work.age_column else "false"
        is_due, is_held = made.due(work, "t"), made.held(leaf, "t")
        # names are quoted and values are parameters in all that Rows writes
        text = (
            f"SELECT count(*), count(*) FILTER (WHERE {no_age}), count(*) FILTER (WHERE {is_due}), "  # noqa: S608
            f"count(*) FILTER (WHERE ({is_due}) AND ({is_held})) FROM ONLY {table} AS t"
        )
        ((here, without, old, kept),) = asked(connection, text, made.values)
        gone = 0
        if old:
            again = Rows(shape, erasure, live=live, person=person)
            text = f"SELECT count(*) FROM ONLY {table} AS t WHERE {again.goes(work, leaf, 't')}"  # noqa: S608
            ((gone,),) = asked(connection, text, again.values)
        all_rows, ageless, due, held, going = (
            all_rows + here,
            ageless + without,
            due + old,
            held + kept,
            going + gone,
        )
        part = next((one for one in shape.above[leaf] if one.partition), None)
        if part is not None and here and here == gone and work.method == "delete":
            parent = shape.tables[part.of].sql
            whole.append(
                WholePart(table, here, f"ALTER TABLE {parent} DETACH PARTITION {table}; DROP TABLE {table};")
            )
    counted = Counted(
        work.name, work.method, work.cutoff, all_rows, ageless, due, held, max(0, due - held - going), going
    )
    return counted, whole


def total(connection: Connection, shape: Shape, work: Work) -> int:
    """All rows of a table and its parts."""
    found = 0
    for leaf in work.leaves:
        text = f"SELECT count(*) FROM ONLY {shape.tables[leaf].sql}"  # noqa: S608
        ((number,),) = asked(connection, text, ())
        found += int(number)
    return found


def files(connection: Connection, work: Work) -> Files:
    """The files of a table and its parts now."""
    found = rows(connection, "files", list(work.leaves))
    return Files(
        tuple(int(one[1]) for one in found),
        sum(int(one[2]) for one in found),
        sum(int(one[3]) for one in found),
        sum(int(one[4]) for one in found),
    )


def _along(connection: Connection, shape: Shape, erasure: Erasure, person: str) -> Iterator[Along]:
    """Rows of tables without a rule that go, or lose their reference, with the rows that they reference."""
    own = {oid for work in erasure.works for oid in shape.whole(work.table)}
    todo = [
        oid
        for work in erasure.works
        if work.method == "delete"
        for oid in dict.fromkeys((work.table, *work.leaves))
    ]
    seen = set()
    for oid in todo:
        for edge in shape.incoming(oid):
            if edge in seen or edge.child in own or edge.on_delete not in "cn":
                continue
            seen.add(edge)
            made = Rows(shape, erasure, live=False, person=person)
            table = shape.tables[edge.child]
            condition = made.along(edge, "t")
            # names are quoted and values are parameters in all that Rows writes
            text = f"SELECT count(*) FROM {table.sql} AS t WHERE {condition}"  # noqa: S608
            ((number,),) = asked(connection, text, made.values)
            if number:
                what: Literal["cascade", "set null"] = "cascade" if edge.on_delete == "c" else "set null"
                yield Along(table.sql, edge.name, what, int(number))
                if what == "cascade":
                    todo.append(edge.child)


def _fires(shape: Shape, erasure: Erasure) -> Iterator[str]:
    for work in erasure.works:
        event = "DELETE" if work.method == "delete" else "UPDATE"
        names = {
            f"{one.name} ({one.function})" + (": the audit of pgguard" if one.audits else "")
            for one in erasure.catalog.fires
            if one.relation in shape.whole(work.table) and event in one.events
        }
        for name in sorted(names):
            yield f"{work.name}: {name}"


def _unindexed(shape: Shape, erasure: Erasure) -> Iterator[str]:
    found = {
        f"{shape.tables[edge.child].sql} ({edge.name})"
        for work in erasure.works
        if work.method == "delete"
        for leaf in (work.table, *work.leaves)
        for edge in shape.incoming(leaf)
        if not edge.indexed
    }
    yield from sorted(found)
