"""Reading under a mandate: the mandated role alone, one snapshot of all tables, rows as they come.

The role must be able to do nothing but this, and each source must show exactly the mandated columns, before
any row is asked for. The rows of all tables are counted, and held against the ceilings, before any is sent.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import errors, pq

from pgguard.analysis.expression import Unparsable
from pgguard.analysis.predicate import read_predicate
from pgguard.errors import ConnectError, InputError, PolicyError, UsageError
from pgguard.model.extraction import ColumnMade, Origin
from pgguard.model.mandate_names import schema_of, view_of
from pgguard.model.quote import ident, qualified
from pgguard.server.connect import describe
from pgguard.server.queries import variants
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.predicate import Predicate
    from pgguard.model.mandate import Mandate, MandateTable
    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[Any, ...]]

_BLOCK = 1 << 18
# rows between two looks at the block, as long as they are not large: 16 MiB at most
_ROWS, _LARGE = 512, 1 << 15
_ASCII = "SQL_ASCII"
CSV = (
    "RFC 4180 with a header; NULL is nothing, the empty text is two quotes; DateStyle ISO, intervals "
    "ISO 8601, times in UTC, bytea in hexadecimal digits"
)


class Source(NamedTuple):
    """What a table of the mandate is read through: SQL's name of it, its columns in the mandate's order."""

    entry: MandateTable
    relation: str
    columns: tuple[ColumnMade, ...]
    predicate_sha256: str
    definition_sha256: str
    rows: int


class _Relation(NamedTuple):
    oid: str
    schema: str
    name: str
    kind: str
    row_security: bool
    barrier: bool
    readable: bool

    @property
    def written(self) -> str:
        return qualified(self.schema, self.name)


def written_names(schema: str, name: str) -> tuple[str, ...]:
    """How the policy may write a table's name: as SQL does, or without quotes."""
    return qualified(schema, name), f"{schema}.{name}"


class Reading:
    """An open transaction of the mandated role: where it reads, what, and the rows."""

    def __init__(self, connection: Connection, origin: Origin, sources: tuple[Source, ...]) -> None:
        self._connection = connection
        self.origin = origin
        self.sources = sources

    def rows(self, source: Source) -> Iterator[bytearray]:
        """A table as CSV, in blocks that end where a row ends.

        Raises `ConnectError` when the connection is lost or the server ends it, and `InputError` when there
        come other rows than were counted: then what was sent must not be kept.
        """
        columns = ", ".join(ident(one.name) for one in source.columns)
        copy = f"COPY (SELECT {columns} FROM {source.relation}) TO STDOUT (FORMAT csv, HEADER)"  # noqa: S608 - names, quoted
        # one call of the library for each row, and little besides: its own iterator takes four times as long
        take = self._connection.pgconn.get_copy_data
        self._begin(copy.encode(), source)
        block = bytearray()
        # the header is no row
        count, size = -1, 0
        try:
            while size >= 0:
                for _ in range(_ROWS):
                    size, row = take(0)
                    if not 0 < size < _LARGE:
                        break
                    block += row
                    count += 1
                if size >= _LARGE:
                    block += row
                    count += 1
                # what was counted is within the ceilings, and no more is sent
                if count > source.rows:
                    raise InputError(_other(source, f"more than {source.rows}"))
                if len(block) >= _BLOCK:
                    yield block
                    block = bytearray()
        except psycopg.Error as error:
            raise _lost(source, error) from None
        self._end(source)
        if count != source.rows:
            raise InputError(_other(source, str(count)))
        if block:
            yield block

    def _begin(self, copy: bytes, source: Source) -> None:
        try:
            result = self._connection.pgconn.exec_(copy)
        except psycopg.Error as error:
            raise _lost(source, error) from None
        if result.status != pq.ExecStatus.COPY_OUT:
            raise _lost(source, errors.error_from_result(result))

    def _end(self, source: Source) -> None:
        result = self._connection.pgconn.get_result()
        while (more := self._connection.pgconn.get_result()) is not None:
            result = more
        if result is None or result.status != pq.ExecStatus.COMMAND_OK:
            raise _lost(source, errors.error_from_result(result) if result else psycopg.OperationalError())


@contextlib.contextmanager
def reading(target: Target, mandate: Mandate, tables: Sequence[MandateTable]) -> Iterator[Reading]:
    """The mandated rows in one snapshot, counted and within the ceilings.

    Raises `ConnectError` when the server cannot be reached, and `UsageError` with all reasons when the role
    is not the mandate's, can do more than the mandate says, or a source shows something else.
    """
    connection = target.connect(mandate.database)
    try:
        _become(connection, mandate)
        try:
            origin = _origin(connection, mandate)
            sources = _sources(connection, mandate, tables)
        except psycopg.Error as error:
            msg = f"mandate {mandate.name}: the server does not let the role read: {refusal(error)}"
            raise UsageError(msg) from None
        if origin.encoding == _ASCII:
            # there bytes mean what the programs agreed on, and are handed out as they are
            connection.pgconn.exec_(b"SET client_encoding TO 'SQL_ASCII'")
        yield Reading(connection, origin, sources)
    finally:
        connection.close()


def _become(connection: Connection, mandate: Mandate) -> None:
    try:
        connection.autocommit = True
        if connection.info.user != mandate.role:
            connection.execute(f"SET ROLE {ident(mandate.role)}".encode())
        # a limit of the role's would hold for the statement that lifts all of them
        connection.execute(b"SET statement_timeout = 0")
        connection.execute(_text(connection, "settings"))
        connection.autocommit = False
    except psycopg.Error as error:
        msg = (
            f"mandate {mandate.name}: rows are read as {ident(mandate.role)} alone, and "
            f"{connection.info.user} may not become that role ({refusal(error)}): connect "
            f"with -U {mandate.role}"
        )
        raise UsageError(msg) from None


def _origin(connection: Connection, mandate: Mandate) -> Origin:
    (
        login, role, database, superuser, bypasses, creates, member, owns, version, standby, at, snapshot,
        encoding, may_cluster, may_lsn,
    ) = _one(connection, "session")  # fmt: skip
    wrong = [
        said
        for is_so, said in (
            (role != mandate.role, f"rows would be read as {role}"),
            (superuser, "it is a superuser"),
            (bypasses, "it has BYPASSRLS"),
            (creates, "it has CREATEROLE, CREATEDB or REPLICATION"),
            (member, "it is a member of other roles"),
            (owns, "it owns objects"),
        )
        if is_so
    ]
    if wrong:
        msg = (
            f"mandate {mandate.name}: role {ident(mandate.role)} can do more than the mandate says: "
            f"{', '.join(wrong)}; `pgguard mandate open` makes one that cannot"
        )
        raise UsageError(msg)
    cluster = _one(connection, "cluster")[0] if may_cluster else ""
    lsn = _one(connection, "lsn_standby" if standby else "lsn_primary")[0] if may_lsn else ""
    return Origin(
        cluster=cluster,
        server=describe(connection),
        version=version,
        database=database,
        standby=standby,
        role=role,
        login=login,
        at=at,
        snapshot=snapshot,
        lsn=lsn or "",
        encoding=_ASCII if encoding == _ASCII else "UTF8",
    )


def _sources(connection: Connection, mandate: Mandate, tables: Sequence[MandateTable]) -> tuple[Source, ...]:
    relations = [_Relation(*row) for row in _all(connection, "relations", schema_of(mandate.name))]
    views = {one.name: one for one in relations if one.kind == "v"}
    by_name = _by_name(one for one in relations if one.kind != "v")
    found: list[Source] = []
    reasons: list[str] = []
    for entry in tables:
        table, view = by_name.get(entry.table), views.get(view_of(entry.table))
        wrong = _wrong(entry, table, view)
        relation = view or table
        if relation is not None and not wrong:
            columns = [tuple(row) for row in _all(connection, "columns", relation.oid)]
            wrong = _wrong_columns(entry, columns)
            if not wrong:
                found.append(_source(connection, entry, relation, columns))
        reasons += [f"mandate {mandate.name}, {entry.table}: {one}" for one in wrong]
    reasons += _above(mandate, found)
    if reasons:
        raise UsageError("\n".join(reasons))
    return tuple(found)


def _by_name(relations: Iterable[_Relation]) -> dict[str, _Relation]:
    found: dict[str, _Relation] = {}
    for one in relations:
        for written in written_names(one.schema, one.name):
            found.setdefault(written, one)
    return found


def _named(columns: Sequence[tuple[Any, ...]], written: str) -> str:
    """The name of the column that the policy writes so."""
    names = {name for name, *_ in columns}
    return written if written in names else next((one for one in names if ident(one) == written), written)


def _wrong(entry: MandateTable, table: _Relation | None, view: _Relation | None) -> list[str]:
    if table is None:
        return ["there is no such table in this database"]
    if view is not None:
        wrong = [] if view.barrier else ["its view is no security barrier"]
        return wrong + (["the role reads the table besides its view"] if table.readable else [])
    if not table.readable:
        return ["the role may not read it: was the mandate opened? (pgguard mandate open)"]
    if entry.rows and not table.row_security:
        return ["row security is off, so that the role would read all rows"]
    return []


def _wrong_columns(entry: MandateTable, columns: Sequence[tuple[Any, ...]]) -> list[str]:
    readable = {name for name, _, may_read in columns if may_read}
    wanted = {_named(columns, one) for one in entry.columns}
    less, more = sorted(wanted - readable), sorted(readable - wanted)
    return [
        said
        for names, said in (
            (less, "the role may not read the mandated " + ", ".join(map(ident, less))),
            (more, "the role reads columns outside the mandate: " + ", ".join(map(ident, more))),
        )
        if names
    ]


def _source(
    connection: Connection, entry: MandateTable, relation: _Relation, columns: Sequence[tuple[Any, ...]]
) -> Source:
    types = {name: kind for name, kind, _ in columns}
    (definition,) = _one(connection, "definition", relation.oid)
    count = f"SELECT count(*) FROM {relation.written}"  # noqa: S608 - a name, quoted
    ((rows,),) = connection.execute(count.encode())
    return Source(
        entry,
        relation.written,
        tuple(ColumnMade(name, types[name]) for name in (_named(columns, one) for one in entry.columns)),
        predicate_digest(entry),
        hashlib.sha256(definition.encode()).hexdigest() if definition else "",
        rows,
    )


class Counted(NamedTuple):
    """The rows that the conditions find now, by table, or why they cannot be counted; in which cluster."""

    cluster: str
    rows: tuple[tuple[str, int | str], ...]


def count_now(target: Target, mandate: Mandate, tables: Sequence[MandateTable]) -> Counted:
    """How many rows the mandate's conditions find now, as whoever connects.

    Raises `ConnectError`, and `PolicyError` for a condition that is none.
    """
    connection = target.connect(mandate.database)
    try:
        connection.execute(b"SET LOCAL row_security = off")
        cluster = _one(connection, "cluster")[0] if _one(connection, "session")[13] else ""
        known = _by_name(_Relation(*row) for row in _all(connection, "relations", ""))
        return Counted(cluster, tuple((one.table, _count(connection, one, known)) for one in tables))
    except psycopg.Error as error:
        msg = f"mandate {mandate.name}: the database cannot be looked at: {refusal(error)}"
        raise ConnectError(msg) from None
    finally:
        connection.close()


def _count(connection: Connection, entry: MandateTable, known: Mapping[str, _Relation]) -> int | str:
    table = known.get(entry.table)
    if table is None:
        return "there is no such table in this database"
    where = f" WHERE {_predicate(entry).sql}" if entry.rows else ""
    count = f"SELECT count(*) FROM {table.written}{where}"  # noqa: S608 - written anew by us
    try:
        with connection.transaction():
            ((rows,),) = connection.execute(count.encode())
    except psycopg.Error as error:
        return refusal(error)
    return int(rows)


def _predicate(entry: MandateTable) -> Predicate:
    try:
        return read_predicate(entry.rows)
    except Unparsable as error:
        msg = f"mandate {entry.mandate}, {entry.table}: rows: {error}"
        raise PolicyError(msg) from None


def predicate_digest(entry: MandateTable) -> str:
    """The SHA-256 of a table's condition as we write it; empty without one. Raises `PolicyError`."""
    return hashlib.sha256(_predicate(entry).sql.encode()).hexdigest() if entry.rows else ""


def _above(mandate: Mandate, sources: Sequence[Source]) -> Iterator[str]:
    for one in sources:
        if one.entry.ceiling is not None and one.rows > one.entry.ceiling:
            yield (
                f"mandate {mandate.name}, {one.entry.table}: {one.rows} rows are above its ceiling of "
                f"{one.entry.ceiling}: nothing was extracted"
            )
    total = sum(one.rows for one in sources)
    if total > mandate.ceiling:
        yield (
            f"mandate {mandate.name}: {total} rows of all tables are above its ceiling of {mandate.ceiling}: "
            "nothing was extracted"
        )


def _other(source: Source, count: str) -> str:
    return (
        f"{source.entry.table}: {count} rows came where {source.rows} were counted in the same snapshot: "
        "nothing was kept; does what narrows them change while it is read?"
    )


def _lost(source: Source, error: psycopg.Error) -> ConnectError:
    return ConnectError(f"{source.entry.table}: the rows stopped coming: {refusal(error)}; nothing was kept")


def _text(connection: Connection, name: str) -> bytes:
    major = connection.info.server_version // 10000
    texts = variants("extract", name)
    return texts[max(since for since in texts if since <= major)]


def _all(connection: Connection, name: str, *values: object) -> list[tuple[Any, ...]]:
    return psycopg.RawCursor(connection).execute(_text(connection, name), values or None).fetchall()


def _one(connection: Connection, name: str, *values: object) -> tuple[Any, ...]:
    (row,) = _all(connection, name, *values)
    return row
