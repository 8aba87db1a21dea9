"""pg_stat_statements with the whole texts, one by one: what they take is learnt, and they are forgotten."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg import sql

from pgguard.errors import ConnectError
from pgguard.server.connect import said
from pgguard.server.queries import limits, variants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.server.connect import Target

_NOT_THERE = "pg_catalog"


class Tracked(NamedTuple):
    """One tracked statement: where and whose, its text with $1 for constants, how often, and whether a client
    sent it."""

    database: str
    role: str
    text: str
    calls: int
    toplevel: bool


class Tracking(NamedTuple):
    """How statements are counted, as `database` shows it.

    `since` (ISO 8601) is empty where that is not known (before 14). `reason` says why what is not among
    them may have been run nevertheless; empty where all was counted.
    """

    database: str
    since: str
    reason: str


def tracking(target: Target, database: str) -> Tracking | None:
    """How statements are counted; None where pg_stat_statements is not installed in the database.

    Raises `ConnectError` when the server cannot be reached or does not show it.
    """
    with closing(target.connect(database)) as connection:
        try:
            schema = _schema(connection)
            if schema == _NOT_THERE:
                return None
            row = connection.execute(
                _query(connection, "tracking", schema, "pg_stat_statements_info")
            ).fetchone()
        except psycopg.Error as error:
            raise ConnectError(_unread(database, error)) from None
    since, dealloc, track, utility = row if row else ("", 0, "", "")
    reason = ""
    if not since:
        reason = "before PostgreSQL 14 pg_stat_statements does not tell since when it counts"
    elif int(dealloc):
        reason = f"{int(dealloc)} times pg_stat_statements let statements go to have room for others"
    elif track not in ("top", "all") or utility != "on":
        reason = "pg_stat_statements does not count every statement"
    return Tracking(database, str(since), reason)


def statements(target: Target, database: str) -> Iterator[Tracked]:
    """The tracked statements of all databases, one at a time, as one of them shows them.

    Raises `ConnectError` when the server cannot be reached or hides other roles' statements.
    """
    with closing(target.connect(database)) as connection:
        try:
            schema = _schema(connection)
            ask = connection.execute(variants("ask", "statements")[0]).fetchone()
            if ask is not None and not ask[0]:
                if ask[1]:
                    msg = f"database {database}: {ask[1]}; GRANT pg_read_all_stats shows them"
                    raise ConnectError(msg)
                return
            with connection.cursor(name="pgguard_statements") as cursor:
                cursor.execute(_query(connection, "statements", schema, "pg_stat_statements"))
                for name, role, text, calls, toplevel in cursor:
                    if text is not None:
                        yield Tracked(str(name), str(role), str(text), int(calls), bool(toplevel))
        except psycopg.Error as error:
            raise ConnectError(_unread(database, error)) from None


def _schema(connection: psycopg.Connection[tuple[str, ...]]) -> str:
    connection.execute(limits(connection.info.server_version // 10000))
    row = connection.execute(variants("session", "statements_schema")[0]).fetchone()
    return str(row[0]) if row else _NOT_THERE


def _query(
    connection: psycopg.Connection[tuple[str, ...]], name: str, schema: str, view: str
) -> sql.Composed:
    major = connection.info.server_version // 10000
    known = variants("learn", name)
    text = known[max(since for since in known if since <= major)]
    if name == "tracking" and major < _INFO_SINCE:
        return sql.Composed([sql.SQL(text.decode())])
    # the view is named for the query and nothing else is, as when a snapshot is read
    return sql.SQL("WITH {} AS (SELECT * FROM {})\n{}").format(
        sql.Identifier(view),
        sql.Identifier(schema, view),
        sql.SQL(text.decode()),
    )


_INFO_SINCE = 14


def _unread(database: str, error: psycopg.Error) -> str:
    return f"database {database}: pg_stat_statements could not be read: {said(error)}"
