"""Exact numbers of rows for the upper bound of a breach file, and what audit stores tell of its window.

Only tables and materialized views are counted, by nothing but count(*) and built-in comparisons of a key:
no function of anybody else's runs with our rights. A count that row security would narrow is refused.
"""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pgguard.errors import ConnectError, PgguardError, UsageError
from pgguard.model.audit_alarm import Limits
from pgguard.model.incident import AuditSeen, ChangeGroup, Counted
from pgguard.server.audit_feed import feed
from pgguard.server.audit_search import rows as search_rows
from pgguard.server.audit_search import session
from pgguard.server.audit_verify import verify
from pgguard.server.connect import Target
from pgguard.server.queries import variants
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.model.evidence import Anchor, Verified
    from pgguard.model.incident import CountAsked

    Connection = psycopg.Connection[tuple[Any, ...]]

# of a table; the planner's estimate is told after that
SECONDS = 120.0
_STOPPED = ("57014", "55P03")


def count(
    target: Target,
    asked: Sequence[CountAsked],
    *,
    seconds: float = SECONDS,
    progress: Callable[[str], None] = lambda text: None,
) -> Iterator[Counted]:
    """The rows of each table as they are now, each in a transaction of its own.

    What cannot be counted has its reason; nothing is raised for it.
    """
    for database, group in groupby(sorted(asked), key=lambda one: one.database):
        tables = list(group)
        try:
            with closing(target.connect(database)) as connection:
                for one in tables:
                    progress(f"counting {one.schema}.{one.name} of {database}")
                    yield _count(connection, one, seconds)
        except ConnectError as error:
            yield from (Counted(one, -1, reason=str(error)) for one in tables)


def _count(connection: Connection, one: CountAsked, seconds: float) -> Counted:
    try:
        with connection.transaction():
            connection.execute(variants("incident", "session")[0])
            connection.execute(
                "SELECT pg_catalog.set_config('statement_timeout', %s, true)", (f"{int(seconds * 1000)}ms",)
            )
            row = connection.execute(_query(one)).fetchone()
            assert row is not None  # noqa: S101 - an aggregate has one row
            return Counted(one, row[0], row[1], row[2], row[3])
    except psycopg.Error as error:
        late = error.sqlstate in _STOPPED
        why = f"it took longer than {seconds:.0f} s, or was locked" if late else refusal(error)
        return Counted(one, -1, reason=why)


def _query(one: CountAsked) -> sql.Composed:
    nothing = sql.SQL("pg_catalog.int8('-1')")
    keys = sql.SQL("pg_catalog.count(DISTINCT {})").format(sql.Identifier(one.key)) if one.key else nothing
    empty = one.key or one.nullable
    nulls = (
        sql.SQL("pg_catalog.count(*) FILTER (WHERE {} IS NULL)").format(sql.Identifier(empty))
        if empty
        else sql.SQL("pg_catalog.int8('0')")
    )
    return sql.SQL(
        "SELECT pg_catalog.count(*), {}, {}, pg_catalog.to_char(pg_catalog.now(), {}) FROM {}"
    ).format(keys, nulls, sql.Literal('YYYY-MM-DD"T"HH24:MI:SS"Z"'), sql.Identifier(one.schema, one.name))


def audited(
    target: Target,
    database: str,
    since: datetime.datetime,
    until: datetime.datetime,
    services: frozenset[str],
    anchors: Sequence[Anchor] = (),
    *,
    progress: Callable[[str], None] = lambda text: None,
) -> AuditSeen:
    """What the audit store of a database tells of a window, and whether its chain of seals holds.

    Where there is no store, or we may not read it, the reason says so.
    """
    there = Target(make_conninfo(target.dsn, dbname=database))
    try:
        told = feed(there, since, until, Limits(services=services))
        with session(there) as (connection, _):
            begun = search_rows(connection, "reach")[0][0]
            changes = tuple(
                ChangeGroup(
                    row[0], row[2] or row[1], row[3], row[4], row[5], row[6], _iso(row[7]), _iso(row[8])
                )
                for row in _rows(connection, "changes", since, until)
            )
            deleted = {
                relation: -1 if emptied else gone
                for relation, gone, emptied in _rows(connection, "deleted", since)
            }
    except PgguardError as error:
        return AuditSeen(database, reason=str(error))
    seen = AuditSeen(
        database,
        since=_iso(begun) if begun else "",
        changes=changes,
        deleted=deleted,
        alarms=tuple((one.rule, _iso(one.at), one.login, one.object or one.evidence) for one in told.alarms),
        unjudged=told.unjudged,
    )
    try:
        try:
            return _verified(seen, verify(there, anchors, progress=progress))
        except UsageError:
            if not anchors:
                raise
            found = _verified(seen, verify(there, progress=progress))
            return found._replace(doubts=(*found.doubts, "the anchors that are given are of another store"))
    except PgguardError as error:
        return seen._replace(verified=f"the chain of seals could not be verified: {error}")


def _verified(seen: AuditSeen, found: Verified) -> AuditSeen:
    doubts = []
    if found.unsealed:
        doubts.append(
            f"{found.unsealed:,} entries since {found.unsealed_since} are not sealed yet: they prove nothing"
        )
    if not found.anchored:
        doubts.append("no anchor vouches for the last seal: whoever can rewrite all seals is not found out")
    first = found.bad[0] if found.bad else None
    bad = ""
    if first is not None:
        parts = (f"entry {first.entry}" if first.entry else "", f"seal {first.seal}" if first.seal else "")
        bad = f"{', '.join(part for part in parts if part)} {first.what}"
    count = f"{found.entries:,} entries under the seals {found.first_seal:,} to {found.last_seal:,}"
    said = f"{found.bad_count:,} faults" if found.bad else "all are as they were sealed"
    return seen._replace(sound=found.ok, verified=f"{count}: {said}", first_bad=bad, doubts=tuple(doubts))


def _rows(connection: Connection, name: str, *values: object) -> list[tuple[Any, ...]]:
    return psycopg.RawCursor(connection).execute(variants("incident", name)[0], values).fetchall()


def _iso(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
