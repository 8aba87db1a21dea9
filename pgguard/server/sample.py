"""Looking at values on the server: expressions that count, so that no value ever leaves it.

Bounded in every way: so many rows of a table, found without reading the table where it is large; a
time limit for each table; no waiting for locks. What cannot be read says why in words of ours: an error of
a cast or a policy may repeat a value.
"""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING

import msgspec
import psycopg
from psycopg import sql

from pgguard.analysis.catalog import columns
from pgguard.errors import ConnectError
from pgguard.model.rows import ColumnSample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
    from pgguard.server.connect import Target

_TIMEOUT = "5s"
_LOCK_TIMEOUT = "200ms"
_LONGEST_VALUE = 1_000
_LONGEST_DOCUMENT = 100_000
_ROWS_A_PAGE = 20
# types whose text tells nothing
_SKIPPED = (
    "boolean",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "tsvector",
    "real",
    "double",
)
_REASONS = {
    "42501": "permission denied",
    "42P01": "it is no longer there",
    "55P03": "somebody holds a lock on it",
    "57014": f"it took longer than {_TIMEOUT}",
    "40001": "it was being changed",
}


def read_samples(
    target: Target,
    snapshot: Snapshot,
    rows: int,
    *,
    progress: Callable[[str], None] = lambda text: None,
) -> Snapshot:
    """The snapshot with counts over at most so many rows of every table of its databases.

    Partitions are looked at through their parents; views and foreign tables are left alone. A database that
    can no longer be reached has its tables marked as unread.
    """
    found: list[DatabaseSnapshot] = []
    for database in snapshot.inspected:
        if {"relations", "columns"} & set(database.missing()):
            found.append(database)
            continue
        progress(f"counting in database {database.name}")
        found.append(database.sampled(tuple(_in_database(target, database, rows))))
    return snapshot.with_databases(found)


def read_statistics(
    target: Target, snapshot: Snapshot, *, progress: Callable[[str], None] = lambda text: None
) -> Snapshot:
    """The snapshot with counts over the values that the planner's statistics hold; no table is read."""
    found: list[DatabaseSnapshot] = []
    for database in snapshot.inspected:
        progress(f"counting in the statistics of database {database.name}")
        try:
            with closing(target.connect(database.name)) as connection:
                _limit(connection)
                text = b"WITH " + _sql("statistics") + b"\n" + _sql("patterns")
                lines = [str(row[0]).encode() for row in connection.execute(text).fetchall()]
        except (psycopg.Error, ConnectError):
            found.append(database)
            continue
        known = {(one.relation, one.number) for one in database.columns}
        counted = [_of_statistics(line) for line in lines]
        kept = [one for one in counted if (one.relation, one.number) in known]
        found.append(database.sampled([*(database.samples or ()), *kept]))
    return snapshot.with_databases(found)


def _in_database(target: Target, database: DatabaseSnapshot, rows: int) -> Iterator[ColumnSample]:
    tables = [
        one
        for one in database.relations
        if one.kind in "rpm" and not one.system and not one.extension and not one.is_partition
    ]
    try:
        with closing(target.connect(database.name)) as connection:
            _limit(connection)
            for relation in tables:
                yield from _table(connection, database, relation, rows)
    except (psycopg.Error, ConnectError):
        for relation in tables:
            yield _unread(relation, 0, "the connection broke off")


def _table(
    connection: psycopg.Connection[tuple[str, ...]],
    database: DatabaseSnapshot,
    relation: Relation,
    rows: int,
) -> Iterator[ColumnSample]:
    readable = {
        int(row[0])
        for row in psycopg.RawCursor(connection).execute(_sql("readable"), (relation.oid,)).fetchall()
    }
    chosen = [one for one in columns(database, relation.oid) if not one.type.startswith(_SKIPPED)]
    for column in chosen:
        if column.number not in readable:
            yield _unread(relation, column.number, _REASONS["42501"])
    chosen = [one for one in chosen if one.number in readable]
    documents = [one for one in chosen if one.type in ("json", "jsonb")]
    plain = [one for one in chosen if one not in documents]
    for some, query in ((plain, _values), (documents, _documents)):
        if some:
            yield from _counted(connection, relation, some, query(relation, some, rows))


def _counted(
    connection: psycopg.Connection[tuple[str, ...]],
    relation: Relation,
    chosen: Sequence[Column],
    sampled: sql.Composed,
) -> Iterator[ColumnSample]:
    query = sampled + sql.SQL("\n") + sql.SQL(_sql("patterns").decode())
    try:
        with connection.transaction():
            lines = [str(row[0]).encode() for row in connection.execute(query).fetchall()]
    except psycopg.OperationalError as error:
        if connection.closed:
            raise
        yield from _all_unread(relation, chosen, error)
    except psycopg.Error as error:
        yield from _all_unread(relation, chosen, error)
    else:
        for line in lines:
            yield _sample(relation.oid, line)


def _values(relation: Relation, chosen: Sequence[Column], rows: int) -> sql.Composed:
    """WITH sampled: every chosen column of some rows, as text."""
    listed = sql.SQL(", ").join(
        sql.SQL("({}, pg_catalog.left({}, {}))").format(
            sql.Literal(one.number), _as_text(one), sql.Literal(_LONGEST_VALUE)
        )
        for one in chosen
    )
    return sql.SQL(
        "WITH sampled (number, path, v) AS ("
        "SELECT c.n, '', c.v FROM {} AS s, LATERAL (VALUES {}) AS c (n, v))"
    ).format(_rows(relation, chosen, rows), listed)


def _documents(relation: Relation, chosen: Sequence[Column], rows: int) -> sql.Composed:
    """WITH sampled: the keys of the chosen documents, three levels deep, where enough rows have them."""
    listed = sql.SQL(", ").join(
        sql.SQL("({}, CASE WHEN pg_catalog.length(s.{}::text) < {} THEN s.{}::pg_catalog.jsonb END)").format(
            sql.Literal(one.number),
            sql.Identifier(one.name),
            sql.Literal(_LONGEST_DOCUMENT),
            sql.Identifier(one.name),
        )
        for one in chosen
    )
    return sql.SQL(
        "WITH document (number, doc) AS ("
        "SELECT c.n, c.doc FROM {} AS s, LATERAL (VALUES {}) AS c (n, doc)), {}"
    ).format(_rows(relation, chosen, rows), listed, sql.SQL(_sql("documents").decode()))


def _as_text(column: Column) -> sql.Composed:
    name = sql.SQL("s.{}").format(sql.Identifier(column.name))
    if column.type.endswith("[]"):
        # the first element stands for the others
        return sql.SQL("({}::text[])[1]").format(name)
    if column.type == "bytea":
        return sql.SQL("pg_catalog.left({}::text, 200)").format(
            sql.SQL("pg_catalog.substr({}, 1, 64)").format(name)
        )
    return sql.SQL("{}::text").format(name)


def _rows(relation: Relation, chosen: Sequence[Column], rows: int) -> sql.Composed:
    """FROM: so many rows of a table, without reading all of it."""
    names = sql.SQL(", ").join(sql.Identifier(one.name) for one in chosen)
    table = sql.Identifier(relation.schema, relation.name)
    pages = relation.pages
    wanted = max(rows // _ROWS_A_PAGE, 50)
    if relation.kind in "rm" and pages > 4 * wanted:
        share = sql.Literal(round(100 * wanted / pages, 6))
        return sql.SQL("(SELECT {} FROM {} TABLESAMPLE SYSTEM ({}) LIMIT {})").format(
            names, table, share, sql.Literal(rows)
        )
    return sql.SQL("(SELECT {} FROM {} LIMIT {})").format(names, table, sql.Literal(rows))


def _limit(connection: psycopg.Connection[tuple[str, ...]]) -> None:
    for name, value in (
        ("statement_timeout", _TIMEOUT),
        ("lock_timeout", _LOCK_TIMEOUT),
        ("max_parallel_workers_per_gather", "0"),
        ("DateStyle", "ISO"),
        ("bytea_output", "hex"),
        ("search_path", "pg_catalog"),
    ):
        connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    connection.commit()


def _sample(relation: int, line: bytes) -> ColumnSample:
    number, path, rows, filled, distinct, years, matches = msgspec.json.decode(line)
    return ColumnSample(relation, number, path, rows, filled, distinct, years, tuple(map(tuple, matches)))


def _of_statistics(line: bytes) -> ColumnSample:
    number, path, rows, filled, distinct, years, matches = msgspec.json.decode(line)
    return ColumnSample(
        int(path), number, "", rows, filled, distinct, years, tuple(map(tuple, matches)), origin="statistics"
    )


def _all_unread(relation: Relation, chosen: Iterable[Column], error: psycopg.Error) -> Iterator[ColumnSample]:
    reason = _REASONS.get(error.sqlstate or "", f"the server refused ({error.sqlstate})")
    for column in chosen:
        yield _unread(relation, column.number, reason)


def _unread(relation: Relation, number: int, reason: str) -> ColumnSample:
    return ColumnSample(relation.oid, number, "", 0, 0, 0, 0, (), reason)


def _sql(name: str) -> bytes:
    return (
        resources.files("pgguard").joinpath(f"sql/sample/{name}.sql").read_bytes().rstrip().removesuffix(b";")
    )
