"""What the observation store tells of an incident: grouped by SQLite, so that a million reads are a few rows.

The store is opened for reading only: it is evidence.
"""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
from typing import TYPE_CHECKING, TypeVar

from pgguard.analysis.sharing.identities import plain
from pgguard.errors import InputError
from pgguard.model.incident import (
    CommandGroup,
    FailureGroup,
    Habit,
    ReadGroup,
    Seen,
    SessionGroup,
    Span,
    Watch,
)
from pgguard.model.reads import MEANS
from pgguard.observe.store import _APPLICATION_ID, _VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pgguard.analysis.incident_scope import Wanted
    from pgguard.model.incident import Asked

One = TypeVar("One")
# a quiet server writes nothing for minutes
_QUIET = datetime.timedelta(minutes=15)
_DAY = datetime.timedelta(days=1)
_GROUPS = 5_000
_PART = "\x1f"
_ISO = "%Y-%m-%dT%H:%M:%SZ"
_SEEN = """(SELECT session, role, database, application, address, identity, method, tls, started_at,
    last_seen_at, ended_at FROM session UNION ALL
    SELECT '', role, database, application, address, identity, method, tls, started_at, last_seen_at,
    ended_at FROM presence)"""
_SESSIONS = f"""
SELECT role, database, identity, method, application, address, tls, count(*), min(started_at),
    max(max(started_at, last_seen_at, ended_at)), sum(ended_at = ''), max(session)
FROM {_SEEN} WHERE max(last_seen_at, ended_at) >= ? AND started_at < ?
GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 9, 1, 6, 5
"""  # noqa: S608 - our own words
_BEFORE = f"""
SELECT role, address, application, substr(started_at, 12, 2), substr(last_seen_at, 12, 2),
    max(julianday(last_seen_at) - julianday(started_at))
FROM {_SEEN} WHERE started_at < ? GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - our own words
_FAILURES = """
SELECT role, database, address, sqlstate, min(at), max(at), sum(times) FROM login_failure
WHERE at >= ? AND at < ? GROUP BY 1, 2, 3, 4 ORDER BY 5, 1, 3
"""
_READS = """
SELECT g.database, g.login, w.identity, w.application, g.address, w.relation, w.columns, w.certainty,
    w.command, w.evidence, g.first, g.last, g.statements, g.rows, g.unknown
FROM (SELECT r.what, w.database, w.login, w.address, min(r.at) AS first, max(r.at) AS last,
        sum(r.times) AS statements, sum(max(r.rows, 0)) AS rows,
        sum(CASE WHEN r.rows < 0 THEN r.times ELSE 0 END) AS unknown
      FROM read AS r JOIN read_what AS w ON w.id = r.what AND '' NOT IN (w.login, w.address, w.database)
      WHERE r.at >= ?1 AND r.at < ?2 GROUP BY r.what
      UNION ALL
      SELECT r.what, coalesce(nullif(w.database, ''), s.database, '') AS database,
        coalesce(nullif(w.login, ''), s.role, '') AS login,
        coalesce(nullif(w.address, ''), s.address, '') AS address,
        min(r.at) AS first, max(r.at) AS last, sum(r.times) AS statements, sum(max(r.rows, 0)) AS rows,
        sum(CASE WHEN r.rows < 0 THEN r.times ELSE 0 END) AS unknown
      FROM read AS r JOIN read_what AS w ON w.id = r.what AND '' IN (w.login, w.address, w.database)
      LEFT JOIN session AS s ON s.session = r.session
      WHERE r.at >= ?1 AND r.at < ?2 GROUP BY 1, 2, 3, 4) AS g
JOIN read_what AS w ON w.id = g.what ORDER BY g.first, w.id
"""
_COMMANDS = """
SELECT database, login, address, command, object, min(at), max(at), count(*), identity FROM command_given
WHERE at >= ? AND (? = '' OR at < ?) GROUP BY 1, 2, 3, 4, 5 ORDER BY 6, 2, 4, 5
"""
_MET = """
SELECT EXISTS (SELECT FROM session WHERE role = ?1) OR EXISTS (SELECT FROM presence WHERE role = ?1)
    OR EXISTS (SELECT FROM read_what WHERE ?1 IN (login, relation))
    OR EXISTS (SELECT FROM command_given WHERE login = ?1)
""".replace("SELECT FROM", "SELECT 1 FROM")


def look(file: Path, asked: Asked, wanted: Wanted) -> Seen:
    """What the store holds of the incident.

    Raises `InputError` when there is no such store, or it cannot be used.
    """
    if not file.is_file():
        msg = f"{file}: there is no observation store: pgguard observe and pgguard audit ingest make it"
        raise InputError(msg)
    try:
        with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as db:
            db.execute("BEGIN")
            _require(db, file)
            return _Look(db, asked, wanted).seen()
    except sqlite3.Error as error:
        msg = f"{file}: the observation store cannot be used: {error}"
        raise InputError(msg) from None


def _require(db: sqlite3.Connection, file: Path) -> None:
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if application != _APPLICATION_ID:
        msg = f"{file}: this file is not an observation store"
        raise InputError(msg)
    if version != _VERSION:
        newer = version > _VERSION
        msg = f"{file}: the observation store was made by {'a newer' if newer else 'an older'} pgguard" + (
            "" if newer else ": pgguard observe --store brings a copy of it up to date"
        )
        raise InputError(msg)


class _Look:
    def __init__(self, db: sqlite3.Connection, asked: Asked, wanted: Wanted) -> None:
        self._db, self._asked, self._wanted = db, asked, wanted
        self._left_out = self._nameless = 0

    def seen(self) -> Seen:
        since, until = self._asked.since, self._asked.until
        sessions = tuple(self._most(self._sessions()))
        known_since, known_days = self._known()
        day_before = _moved(since, -_DAY)
        return Seen(
            sessions=sessions,
            habits=self._habits({one.login for one in sessions}),
            known_since=known_since,
            known_days=known_days,
            failures=tuple(self._most(self._failures(sessions, day_before))),
            reads=tuple(self._most(self._reads())),
            commands=tuple(self._most(self._commands(since, until, own=True))),
            later=tuple(self._most(self._commands(until, "", own=False))),
            logins=self._watch("log"),
            looks=self._watch("sample"),
            reading=self._watch(MEANS),
            met=frozenset(self._met()),
            nameless=self._nameless,
            left_out=self._left_out,
        )

    def _most(self, found: Iterator[One]) -> Iterator[One]:
        for number, one in enumerate(found):
            if number < _GROUPS:
                yield one
            else:
                self._left_out += 1

    def _sessions(self) -> Iterator[SessionGroup]:
        for row in self._db.execute(_SESSIONS, (self._asked.since, self._asked.until)):
            one = SessionGroup._make((*row[:6], bool(row[6]), *row[7:]))
            if self._wanted.takes(one.login, one.identity, one.address):
                yield one

    def _habits(self, logins: set[str]) -> dict[str, Habit]:
        found: dict[str, tuple[set[str], set[str], set[int]]] = {}
        for role, address, application, begins, ends, days in self._db.execute(_BEFORE, (self._asked.since,)):
            if role not in logins:
                continue
            addresses, applications, hours = found.setdefault(role, (set(), set(), set()))
            addresses.add(address)
            applications.add(application)
            first, last = int(begins), int(ends or begins)
            span = 24 if days >= 1 else (last - first) % 24 + 1
            hours.update((first + n) % 24 for n in range(span))
        return {role: Habit(*map(frozenset, parts)) for role, parts in found.items()}  # type: ignore[arg-type]

    def _known(self) -> tuple[str, int]:
        windows = self._db.execute(
            "SELECT since, until FROM coverage WHERE means = 'log' AND connections AND since < ? ORDER BY 1",
            (self._asked.since,),
        ).fetchall()
        days: set[str] = set()
        for since, until in windows:
            day = _parsed(since).date()
            last = min(_parsed(until), _parsed(self._asked.since)).date()
            while day <= last:
                days.add(day.isoformat())
                day += _DAY
        return (windows[0][0] if windows else ""), len(days)

    def _failures(self, sessions: Iterable[SessionGroup], since: str) -> Iterator[FailureGroup]:
        logins = {one.login for one in sessions}
        addresses = {one.address for one in sessions}
        for row in self._db.execute(_FAILURES, (since, self._asked.until)):
            one = FailureGroup(*row)
            about = one.role in logins or one.address in addresses
            if about or self._wanted.takes(one.role, "", one.address):
                yield one

    def _reads(self) -> Iterator[ReadGroup]:
        for row in self._db.execute(_READS, (self._asked.since, self._asked.until)):
            columns = tuple(one for one in row[6].split(_PART) if one)
            one = ReadGroup._make((*row[:6], columns, *row[7:]))
            if self._wanted.takes(one.login, one.identity, one.address):
                yield one
            elif not one.login:
                self._nameless += one.statements

    def _commands(self, since: str, until: str, *, own: bool) -> Iterator[CommandGroup]:
        for *row, identity in self._db.execute(_COMMANDS, (since, until, until)):
            one = CommandGroup(*row)
            if not own or self._wanted.takes(one.login, identity, one.address):
                yield one

    def _met(self) -> Iterator[str]:
        for name in (*self._asked.roles, *self._asked.tables, self._asked.person):
            if name and self._db.execute(_MET, (name,)).fetchone()[0]:
                yield name
        if self._asked.person:
            identities = self._db.execute(
                "SELECT DISTINCT identity FROM session UNION SELECT DISTINCT identity FROM presence"
            )
            if any(plain(one) in self._wanted.names for (one,) in identities):
                yield self._asked.person

    def _watch(self, means: str) -> Watch:
        since, until = self._asked.since, self._asked.until
        rows = self._db.execute(
            "SELECT since, until, connections, disconnections, identities, gaps FROM coverage "
            "WHERE means = ? AND until >= ? AND since < ? ORDER BY since",
            (means, since, until),
        ).fetchall()
        if means == "log":
            # a log without connections tells nothing of sessions
            rows = [row for row in rows if row[2]]
        spans = [Span(max(row[0], since), min(row[1], until)) for row in rows]
        return Watch(
            *covered(spans, since, until),
            sum(row[5] for row in rows),
            bool(rows) and all(row[4] for row in rows),
            bool(rows) and all(row[3] for row in rows),
        )


def covered(spans: Iterable[Span], since: str, until: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """The spans (in order of their begin) joined where little lies between, and the gaps that are left."""
    joined: list[Span] = []
    for one in spans:
        if joined and _parsed(one.since) - _parsed(joined[-1].until) <= _QUIET:
            joined[-1] = Span(joined[-1].since, max(joined[-1].until, one.until))
        else:
            joined.append(one)
    edges = [since, *(edge for one in joined for edge in one), until]
    gaps = (Span(*pair) for pair in zip(edges[::2], edges[1::2], strict=True))
    return tuple(joined), tuple(one for one in gaps if _parsed(one.until) - _parsed(one.since) > _QUIET)


def _parsed(at: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(at)


def _moved(at: str, by: datetime.timedelta) -> str:
    return (_parsed(at) + by).strftime(_ISO)
