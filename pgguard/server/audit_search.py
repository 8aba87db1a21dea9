"""Reading the audit store: entries by patient, person, table, column and time, streamed.

What is looked for may be a patient's value. It is bound, and a session whose bound values would reach the
server's log is refused; it stands in no statement and in no plan.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from pgguard.errors import ConnectError, PgguardError, UsageError
from pgguard.model.audit_entry import Entry, Shape
from pgguard.model.quote import ident
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.audit_entry import Wanted
    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[Any, ...]]

OLDEST = 14
_FETCH = 2000
# a partition above this is read in pieces: rows are sorted piece by piece, and an early end is an early end
_LARGE_BYTES = 64 << 20
_DAY = datetime.timedelta(days=1)
_NEWEST = (datetime.timedelta(hours=1), _DAY, 7 * _DAY)
# what SYSTEM_USER has before the identity (manual, pg_hba.conf), and a claim that nothing vouches for
_METHODS = (
    *("scram-sha-256", "md5", "password", "gss", "sspi", "ident", "peer"),
    *("ldap", "radius", "cert", "pam", "bsd", "oauth"),
)
_UNSIGNED = "unsigned: "
Span = tuple[datetime.datetime | None, datetime.datetime | None]


class Place(NamedTuple):
    """The database that is searched, and its encoding."""

    database: str
    role: str
    superuser: bool
    encoding: str


class Part(NamedTuple):
    """A partition of the store: from, to (None for the one that takes what has no other) and its bytes."""

    first: datetime.datetime | None
    last: datetime.datetime | None
    size: int


def rows(connection: Connection, name: str, *values: object) -> list[tuple[Any, ...]]:
    """What a file of sql/audit_search returns; its parameters are $1, $2 and so on."""
    cursor = psycopg.RawCursor(connection).execute(sql(name), values or None)
    return cursor.fetchall() if cursor.description else []


def sql(name: str) -> bytes:
    """The text of a file of sql/audit_search."""
    return resources.files("pgguard").joinpath(f"sql/audit_search/{name}.sql").read_bytes()


@contextlib.contextmanager
def session(target: Target, *, private: bool = False) -> Iterator[tuple[Connection, Place]]:
    """One read-only transaction on the audit store, with settings of its own.

    With `private`, values that are bound are kept out of the server's log. Raises `ConnectError` when the
    server or what it refuses ends the search; `UsageError` when there is no store, we may not read it, or
    bound values would be logged.
    """
    with closing(target.connect()) as connection, told(), connection.transaction():
        major = connection.info.server_version // 10000
        if major < OLDEST:
            msg = f"the server runs PostgreSQL {major}, and the audit needs {OLDEST} or later"
            raise ConnectError(msg)
        connection.execute(sql("search_session.pg17" if major >= 17 else "search_session"))
        place = _place(connection)
        if private:
            _quieten(connection, place)
        yield connection, place


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turns what the server refuses into one sentence without values."""
    try:
        yield
    except PgguardError:
        raise
    except psycopg.Error as error:
        msg = f"the audit store could not be read: {refusal(error)}"
        raise ConnectError(msg) from None


def entries(connection: Connection, wanted: Wanted) -> Iterator[Entry]:
    """The entries that are wanted, in order of time (and of id within one moment).

    Raises `psycopg.Error` for what the server refuses; `told` makes a sentence of it.
    """
    shapes = {int(one[0]): _shape(one[1:]) for one in rows(connection, "shapes")}
    _require_known(wanted, shapes)
    if wanted.subject or wanted.key:
        rows(connection, "search_for", wanted.subject or None, list(wanted.key) or None)
    if wanted.subject:
        # the store keeps no statistics of it, and the planner would guess
        connection.execute("SET LOCAL enable_seqscan = off")
    of_table = [number for number, one in shapes.items() if one.relation == wanted.table]
    left = wanted.limit
    for first, last in _spans(connection, wanted):
        values = (
            bool(wanted.subject),
            bool(wanted.key),
            _forms(wanted.person) or None,
            of_table if wanted.table else None,
            wanted.table or None,
            first,
            last,
            _verbs(wanted) or None,
            wanted.column or None,
            wanted.newest_first,
            left,
            wanted.with_sealed,
        )
        count = 0
        with psycopg.RawServerCursor(connection, "pgguard_audit") as cursor:
            cursor.itersize = _FETCH
            cursor.execute(sql("search"), values)
            for row in cursor:
                count += 1
                yield _entry(row, shapes)
        if left is not None:
            left -= count
            if left <= 0:
                return


def _forms(person: str) -> list[str]:
    # texts that are equal, because only these are found by an index under row security
    return [person, _UNSIGNED + person, *(f"{one}:{person}" for one in _METHODS)] if person else []


def _verbs(wanted: Wanted) -> list[str]:
    # an UPDATE that changed the key is told in two halves
    halves = ("UPDATE FROM", "UPDATE TO") if "UPDATE" in wanted.verbs else ()
    return [*wanted.verbs, *halves]


def _require_known(wanted: Wanted, shapes: dict[int, Shape]) -> None:
    # nothing found because of a slip of the pen would read as nothing happened
    of_table = [one for one in shapes.values() if wanted.table in ("", one.relation)]
    if wanted.table and not of_table:
        known = ", ".join(sorted({one.relation for one in shapes.values()})[:20])
        msg = f"there are no entries of a table {wanted.table}; there are of: {known or 'no table yet'}"
        raise UsageError(msg)
    if wanted.column and not any(wanted.column in one.columns for one in of_table):
        msg = f"no table that entries are of has, or had, a column {wanted.column}"
        raise UsageError(msg)


def _spans(connection: Connection, wanted: Wanted) -> list[Span]:
    if wanted.subject:
        # an index finds them in all partitions at once, and they are few
        return [(wanted.first, wanted.last)]
    parts = [Part(*one) for one in rows(connection, "parts")]
    found = list(spans(parts, wanted.first, wanted.last, by_day=wanted.limit is None))
    return found[::-1] if wanted.newest_first else found


def spans(
    parts: list[Part], first: datetime.datetime | None, last: datetime.datetime | None, *, by_day: bool
) -> Iterator[Span]:
    """The times from `first` to `last`, cut where partitions end, and large partitions cut into days, or into
    their last hour, day, week and what was before.
    """
    edges: set[datetime.datetime] = set()
    now = datetime.datetime.now(datetime.UTC)
    for one in parts:
        if one.first is None or one.last is None:
            continue
        edges |= {one.first, one.last}
        if one.size <= _LARGE_BYTES:
            continue
        if by_day:
            days = (one.last - one.first) // _DAY
            edges |= {one.first + number * _DAY for number in range(1, days)}
        else:
            newest = min(one.last, now)
            edges |= {newest - back for back in _NEWEST if newest - back > one.first}
    inside = [e for e in sorted(edges) if (first is None or e > first) and (last is None or e < last)]
    bounds: list[datetime.datetime | None] = [first, *inside, last]
    yield from itertools.pairwise(bounds)


def _place(connection: Connection) -> Place:
    database, role, there, current, may_read, superuser, encoding = rows(connection, "search_place")[0]
    if not there:
        msg = f"there is no audit store in {ident(database)}: pgguard plan --audit"
    elif not may_read:
        msg = f"{ident(role)} may not read the audit store: GRANT pgguard_audit_reader TO {ident(role)}"
    elif not current:
        msg = f"the audit store of {ident(database)} was made by an older pgguard: pgguard plan --audit"
    else:
        return Place(database, role, superuser, encoding)
    raise UsageError(msg)


def _quieten(connection: Connection, place: Place) -> None:
    loud = resources.files("pgguard").joinpath("sql/keys/loud.sql").read_bytes()
    # from 15 on the right to a setting can be granted
    may_try = place.superuser or connection.info.server_version >= 150000
    for name, value, ours in connection.execute(loud).fetchall():
        if ours or may_try:
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
    if logged := rows(connection, "logged_by")[0][0]:
        msg = (
            f"the server writes bound values of our sessions to its log, by {logged}, and what is looked for "
            f"would be among them: ALTER ROLE {ident(place.role)} SET log_parameter_max_length = 0 as a "
            "superuser"
        )
        raise UsageError(msg)


def _shape(row: tuple[Any, ...]) -> Shape:
    relation, *lists = row
    return Shape(relation, *(tuple(one) for one in lists))


def _entry(row: tuple[Any, ...], shapes: dict[int, Shape]) -> Entry:
    head, role, texts = row[:8], row[8], row[9:17]
    changed, old, new, sealed, wrapped, erased, shape = row[17:]
    return Entry._make(
        (
            *head,
            "" if role == "none" else role,
            *(one or "" for one in texts),
            tuple(changed or ()),
            tuple(old or ()),
            tuple(new or ()),
            bytes(sealed or b""),
            bytes(wrapped or b""),
            erased,
            shapes.get(shape) if shape is not None else None,
        )
    )
