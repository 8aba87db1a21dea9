"""Who is connected, looked at now and again: pg_stat_activity as `SessionSeen`."""

from __future__ import annotations

import datetime
import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg

from pgguard.errors import ConnectError, Unread
from pgguard.model.observation import Coverage, SessionSeen
from pgguard.model.rows import Session
from pgguard.server.queries import query
from pgguard.store.lines import decode, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.server.connect import Target


def look(target: Target, *, every: float = 0, seconds: float = 0) -> Iterator[tuple[SessionSeen, ...]]:
    """The client sessions that are open, once, or every so many seconds for a while (0: once).

    A session's id is made as the log makes it (%c), so that what a log tells of it is the same session.
    An identity is known of a client certificate alone: the server shows that of others nowhere else.
    Sessions shorter than the pause between two looks are mostly not seen.
    Raises `ConnectError` for the connection, `Unread` when the server hides the sessions of others.
    """
    end = time.monotonic() + seconds
    with closing(target.connect()) as connection:
        while True:
            with connection.transaction():
                yield _now(connection)
            if not every or time.monotonic() + every > end:
                return
            time.sleep(every)


def coverage(since: str, until: str, source: str) -> Coverage:
    """A window that was looked at now and again."""
    return Coverage(
        since, until, "sample", source, connections=False, disconnections=False, identities=False, gaps=0
    )


def _now(connection: psycopg.Connection[tuple[str, ...]]) -> tuple[SessionSeen, ...]:
    chosen = query("sessions", connection.info.server_version // 10000)
    try:
        known = connection.execute(chosen.ask).fetchone()
        if known is not None and not known[0]:
            section = "sessions"
            raise Unread(section, f"{known[1]}; GRANT pg_monitor shows them")
        cursor = connection.cursor(binary=False)
        cursor.execute(chosen.text)
        lines = [str(row[0]).encode() for row in cursor]
        moment = connection.execute(
            "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8"
        ).fetchone()
    except psycopg.Error as error:
        said = readable((error.diag.message_primary or type(error).__name__).encode())
        msg = f"the sessions could not be read: {said}"
        raise ConnectError(msg) from None
    assert moment is not None  # noqa: S101 - a SELECT without FROM has one row
    at = datetime.datetime.fromtimestamp(float(moment[0]), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return tuple(_seen(one, at) for one in decode(Session, lines))


def _seen(session: Session, at: str) -> SessionSeen:
    started = session.started_at.partition(".")[0].removesuffix("Z") + "Z"
    epoch = int(datetime.datetime.fromisoformat(started).timestamp())
    return SessionSeen(
        session=f"{epoch:x}.{session.pid:x}",
        role=session.role,
        database=session.database,
        application=session.application,
        address=session.address,
        host="",
        identity=session.client_certificate,
        method="cert" if session.client_certificate else "gss" if session.gss_authenticated else "",
        tls=session.tls,
        started_at=started,
        last_seen_at=at,
        ended_at="",
        seen_by="sample",
    )
