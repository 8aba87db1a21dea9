"""Looking at values on the server: expressions that count, so that no value ever leaves it.

Bounded in every way: so many rows of a table, of a large one from pages spread over it; a time limit for
each table, one transaction for each, and hardly any waiting for locks. Nothing of other people's is run by
it: no cast, operator or function but the server's own. (A view, a policy of row security and a foreign table
do run what their owners wrote: views and foreign tables are looked at only when they are named.) What cannot
be read says why in words of ours, because an error of the server may repeat a value.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from pgguard.analysis.catalog import columns
from pgguard.errors import ConnectError
from pgguard.model.quote import ident, literal, qualified
from pgguard.model.rows import ColumnSample
from pgguard.server.opening import try_blank
from pgguard.server.queries import variants
from pgguard.store.lines import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
    from pgguard.server.connect import Target

Connection = psycopg.Connection[tuple[str, ...]]
SECONDS = 5.0
_LONGEST_VALUE = 1_000
_LONGEST_DOCUMENT = 200_000
_MOST_ELEMENTS = 20
_BYTES = 64
_PAGES = 64
_PAGE_BYTES = 8_192
_ROWS_A_PAGE = 20
# more partitions than this are not opened at once: every one would be locked
_MOST_PARTS = 100
_MOST_PLACES = 300
_TABLES_AT_ONCE = 50
_GONE = "it is no longer there"
_DENIED = "permission denied"
_REASONS = {
    "42501": _DENIED,
    "42P01": _GONE,
    "42703": _GONE,
    "3F000": _GONE,
    "55P03": "somebody holds a lock on it",
    "57014": "it took too long",
    "55000": "the server says that it cannot be read now",
}
_BROKEN = "the connection broke off"


class _Found(NamedTuple):
    """A relation as sql/sample/relations.sql tells of it: `largest` is the oid of its largest part, or 0."""

    oid: int
    schema: str
    name: str
    may_enter: bool
    row_security: bool
    parts: int
    foreign_parts: bool
    largest: int
    largest_schema: str
    largest_name: str


class _Place(NamedTuple):
    """Where values stand in a column, as sql/sample/places.sql tells of it."""

    relation: int
    number: int
    name: str
    steps: tuple[str, ...]
    kind: str
    readable: bool

    @property
    def path(self) -> str:
        """The fields of composite types on the way, joined by dots; elements of arrays are not told apart."""
        return ".".join(step[1:] for step in self.steps if step != "[]")


class _Database:
    """One connection to one database, and what is known there of relations and places."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        self.connection = connection
        self.seconds = seconds
        relations = decode(_Found, self.lines(_sql("relations"), 12 * seconds))
        self.relations: dict[int, _Found] = {one.oid: one for one in relations}
        self.places: dict[int, list[_Place]] = {}
        for place in decode(_Place, self.lines(_sql("places"), 12 * seconds)):
            self.places.setdefault(place.relation, []).append(place)

    def lines(self, text: str, seconds: float) -> list[bytes]:
        """The answer to a query, in a transaction of its own that is ended at once."""
        connection = self.connection
        try:
            connection.execute(_sql("limits", connection.info.server_version // 10000).encode() + b";")
            connection.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}".encode())
            if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
                connection.execute(b"SET LOCAL client_encoding = 'SQL_ASCII'")
            result = connection.execute(text.encode()).pgresult
            assert result is not None  # noqa: S101 - execute has raised otherwise
            return [result.get_value(number, 0) or b"" for number in range(result.ntuples)]
        finally:
            if not connection.closed:
                connection.rollback()


def read_samples(
    target: Target,
    snapshot: Snapshot,
    rows: int,
    *,
    only: Collection[str] = (),
    seconds: float = SECONDS,
    progress: Callable[[str], None] = lambda text: None,
) -> Snapshot:
    """The snapshot with counts over at most so many rows of every table of its databases.

    Partitions and inheriting tables are looked at through their parents; views and foreign tables only when
    `only` names them (schema.table, as in the policy), and then nothing else is. `seconds` is the time that
    one table may take. What could not be read is in the samples with the reason.
    """
    found: list[DatabaseSnapshot] = []
    for database in snapshot.inspected:
        if {"relations", "columns"} & set(database.missing()):
            found.append(database)
            continue
        chosen = [one for one in database.relations if _is_chosen(database, one, only)]

        count = partial(_tables, database=database, chosen=chosen, rows=rows, progress=progress)
        found.append(database.sampled(_counted(target, database, chosen, count, seconds)))
    return snapshot.with_databases(found)


def read_statistics(
    target: Target,
    snapshot: Snapshot,
    *,
    seconds: float = SECONDS,
    progress: Callable[[str], None] = lambda text: None,
) -> Snapshot:
    """The snapshot with counts over the values that the planner's statistics hold; no table is read.

    It is for policies that allow it ([discovery] use_statistics). The rows of the samples say where they
    come from; a table without statistics has none.
    """
    found: list[DatabaseSnapshot] = []
    for database in snapshot.inspected:
        if {"relations", "columns"} & set(database.missing()):
            found.append(database)
            continue
        chosen = [one for one in database.relations if _is_chosen(database, one, ())]

        progress(f"counting in the statistics of database {database.name}")
        count = partial(_all_statistics, database=database, chosen=chosen)
        counted = _counted(target, database, chosen, count, seconds)
        kept = [one._replace(origin="statistics") for one in counted]
        found.append(database.sampled([*(database.samples or ()), *kept]))
    return snapshot.with_databases(found)


def unknown_relations(snapshot: Snapshot, only: Collection[str]) -> list[str]:
    """Those of the names (schema.table) that no database of the snapshot has a table or view of."""
    known = {
        qualified(one.schema, one.name)
        for database in snapshot.inspected
        if "relations" not in database.missing()
        for one in database.relations
        if one.kind != "S"
    }
    return [name for name in only if name not in known]


def _is_chosen(database: DatabaseSnapshot, relation: Relation, only: Collection[str]) -> bool:
    if only:
        return relation.kind != "S" and qualified(relation.schema, relation.name) in only
    if relation.kind not in ("r", "p", "m") or relation.system or relation.extension or relation.is_partition:
        return False
    if not relation.parent:
        return True
    above = {one.name for one in columns(database, relation.parent)}
    return any(one.name not in above for one in columns(database, relation.oid))


def _counted(
    target: Target,
    database: DatabaseSnapshot,
    chosen: Iterable[Relation],
    count: Callable[[_Database], Iterator[ColumnSample]],
    seconds: float,
) -> list[ColumnSample]:
    """What is counted in one database; where the connection ends, the rest is unread."""
    done: list[ColumnSample] = []
    try:
        with closing(target.connect(database.name)) as connection:
            done.extend(count(_Database(connection, seconds)))
    except (psycopg.Error, ConnectError) as error:
        reason = _BROKEN if isinstance(error, ConnectError) else _reason(error)
        seen = {one.relation for one in done}
        for relation in chosen:
            if relation.oid not in seen:
                done += _all_unread(database, relation, reason)
    return sorted(done, key=lambda one: (one.relation, one.number, one.path, one.origin))


def _tables(
    here: _Database,
    *,
    database: DatabaseSnapshot,
    chosen: Sequence[Relation],
    rows: int,
    progress: Callable[[str], None],
) -> Iterator[ColumnSample]:
    for number, relation in enumerate(chosen, 1):
        progress(f"counting in database {database.name}, table {number} of {len(chosen)}")
        yield from _table(here, database, relation, rows)


def _table(
    here: _Database, database: DatabaseSnapshot, relation: Relation, rows: int
) -> Iterator[ColumnSample]:
    known = here.relations.get(relation.oid)
    if known is None or (known.schema, known.name) != (relation.schema, relation.name):
        yield from _all_unread(database, relation, _GONE)
        return
    if not known.may_enter:
        yield from _all_unread(database, relation, _DENIED)
        return
    if known.foreign_parts:
        yield from _all_unread(database, relation, "some of its parts are foreign tables: name the others")
        return
    found = [one for one in here.places.get(relation.oid, []) if one.kind not in ("none", "other")]
    places = [one for one in found if one.readable][:_MOST_PLACES]
    numbers = {one.number for one in places}
    for number in sorted({one.number for one in found} - numbers):
        denied = not any(one.readable for one in found if one.number == number)
        yield _unread(relation.oid, number, _DENIED if denied else "more columns than are looked at")
    if not places:
        return
    try:
        counted = _look(here, relation, known, places, rows)
    except psycopg.Error as error:
        if here.connection.closed:
            raise
        yield from (_unread(relation.oid, number, _reason(error)) for number in sorted(numbers))
        return
    yield from counted
    # without one row: the table is empty, unless row security hides them
    hidden = "row security shows no row of it to the inspecting role" if known.row_security else ""
    for number in sorted(numbers - {one.number for one in counted}):
        yield _unread(relation.oid, number, "" if counted else hidden)


def _look(
    here: _Database, relation: Relation, known: _Found, places: Sequence[_Place], rows: int
) -> tuple[ColumnSample, ...]:
    source = qualified(known.schema, known.name)
    oid, plain = relation.oid, relation.kind in ("r", "m") and not known.parts
    if known.parts > _MOST_PARTS and known.largest:
        # the largest part stands for all
        source = qualified(known.largest_schema, known.largest_name)
        oid, plain = known.largest, True
    names = {place.number: place.name for place in places}
    listed = ", ".join(f"{ident(name)} AS c{number}" for number, name in sorted(names.items()))
    ways = [f"SELECT {listed} FROM {source} LIMIT {rows}"]  # noqa: S608
    if plain:
        # pages from all over it, and rows from all over those; by its real size, the catalog's may be old
        bytes_read = _PAGE_BYTES * max(_PAGES, 2 * rows // _ROWS_A_PAGE)
        size = f"pg_catalog.pg_relation_size({oid}::pg_catalog.oid::pg_catalog.regclass)"
        share = f"least(100, 100.0 * {bytes_read} / greatest(1, {size}))"
        sample = f"SELECT {listed} FROM {source} TABLESAMPLE SYSTEM ({share}) ORDER BY random() LIMIT {rows}"  # noqa: S608
        # those pages may be empty; but past row security nobody knows how much would have to be read
        ways = [sample] if known.row_security else [sample, *ways]
    counted: tuple[ColumnSample, ...] = ()
    for way in ways:
        try:
            counted = decode(ColumnSample, here.lines(_query(way, places), here.seconds))
        except psycopg.errors.FeatureNotSupported:
            # a table of another access method, which knows no samples
            if way is ways[-1]:
                raise
        if counted:
            break
    return try_blank(here.lines, here.seconds, source, names, counted)


def _query(rows: str, places: Sequence[_Place]) -> str:
    """The whole query: the rows, where values stand in them, what stands under keys, and the patterns."""
    documents = [one for one in places if one.kind == "json"]
    looked_at = "\n    UNION ALL ".join(_values(one) for one in places)
    parts = [f"sampled AS (SELECT row_number() OVER () AS entry, r.* FROM ({rows}) AS r)"]  # noqa: S608
    if documents:
        union = "\n    UNION ALL ".join(_documents(one) for one in documents)
        parts.append(f"documents (relation, number, entry, document) AS (\n    {union}\n)")
        parts.append(f"keyed (relation, number, path, value) AS (\n{_sql('keys')}\n)")
        looked_at += "\n    UNION ALL SELECT relation, number, path, 'text', value FROM keyed"
    parts.append(f"looked_at (relation, number, path, kind, value) AS (\n    {looked_at}\n)")
    return _with(parts)


def _with(parts: Sequence[str]) -> str:
    return f"WITH {', '.join(parts)}\nSELECT * FROM (\n{_sql('patterns')}\n) AS counted"


def _values(place: _Place) -> str:
    source, value = _reached(place)
    kind, text = f"'{place.kind}'", f"left({value}::pg_catalog.text, {_LONGEST_VALUE})"
    if place.kind == "bytes":
        kind = f"CASE WHEN octet_length({value}) % 16 = 0 THEN 'blocks' ELSE 'bytes' END"
        text = f"encode(substr({value}, 1, {_BYTES}), 'hex')"
    elif place.kind == "json":
        text = f"left({_short(value)}, {_LONGEST_VALUE})"
    path = literal(place.path)
    return f"SELECT {place.relation}, {place.number}, {path}::pg_catalog.text, {kind}, {text} {source}"


def _documents(place: _Place) -> str:
    source, value = _reached(place)
    return f"SELECT {place.relation}, {place.number}, s.entry, {_short(value)} {source}"


def _short(value: str) -> str:
    # a document of many megabytes is not even unpacked
    return f"CASE WHEN pg_column_size({value}) <= {_LONGEST_DOCUMENT} THEN {value}::pg_catalog.text END"


def _reached(place: _Place) -> tuple[str, str]:
    """FROM, and the expression of the value: through elements of arrays and fields of composite types."""
    source, value = "FROM sampled AS s", f"s.c{place.number}"
    for number, step in enumerate(place.steps, 1):
        if step == "[]":
            # named so that no field of an element has that name: then the name means the whole element
            element = '"element of an array"'
            elements = f"SELECT {element} AS v FROM unnest({value}) AS {element} LIMIT {_MOST_ELEMENTS}"  # noqa: S608
            source += f" CROSS JOIN LATERAL ({elements}) AS u{number}"
            value = f"u{number}.v"
        else:
            value = f"({value}).{ident(step[1:])}"
    return source, value


def _all_statistics(
    here: _Database, *, database: DatabaseSnapshot, chosen: Sequence[Relation]
) -> Iterator[ColumnSample]:
    for start in range(0, len(chosen), _TABLES_AT_ONCE):
        some = chosen[start : start + _TABLES_AT_ONCE]
        listed = [
            f"({one.relation}, {one.number}, '{one.kind}')"
            for relation in some
            for one in here.places.get(relation.oid, [])
            if one.readable and not one.steps and one.kind in ("text", "bytes", "document")
        ]
        if not listed:
            continue
        parts = [f"chosen (relation, number, kind) AS (VALUES {', '.join(listed)})"]
        parts.append(f"looked_at (relation, number, path, kind, value) AS (\n{_sql('statistics')}\n)")
        try:
            yield from decode(ColumnSample, here.lines(_with(parts), 12 * here.seconds))
        except psycopg.Error as error:
            if here.connection.closed:
                raise
            for relation in some:
                yield from _all_unread(database, relation, _reason(error))


def _reason(error: psycopg.Error) -> str:
    state = error.sqlstate or ""
    if not state or state.startswith(("57P", "08")):
        return _BROKEN
    return _REASONS.get(state, f"the server refused it (SQLSTATE {state})")


def _all_unread(database: DatabaseSnapshot, relation: Relation, reason: str) -> list[ColumnSample]:
    return [_unread(relation.oid, one.number, reason) for one in columns(database, relation.oid)]


def _unread(relation: int, number: int, reason: str) -> ColumnSample:
    return ColumnSample(relation, number, "", 0, 0, 0, 0, (), reason)


def _sql(name: str, major: int = 0) -> str:
    texts = variants("sample", name)
    return texts[max(since for since in texts if since <= major)].decode()
