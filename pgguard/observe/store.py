"""The observation store: what was seen of sessions, in one SQLite file for its owner's eyes only.

It holds no statement, no parameter and no password; who read what is in the tables of `reads_store`.
Sessions are kept one by one for five weeks, so that the same log read twice, or a log and a sample of the
same session, tell it once; older ones are put together as presences: the same login, application, address
and identity without a pause of five minutes.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import sqlite3
from typing import TYPE_CHECKING

from pgguard.errors import InputError
from pgguard.model.observation import Coverage, LoginFailure, SessionSeen
from pgguard.model.usage import TRACKED, Gap, Need, Unattributed, Used
from pgguard.observe.reads_store import SCHEMA as _READS_SCHEMA
from pgguard.observe.reads_store import KeptReads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

_APPLICATION_ID = 0x70676F62
_VERSION = 3
_SINGLE_DAYS = 35
_PAUSE_SECONDS = 300
_BATCH = 5_000
_WAIT_SECONDS = 30

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    session TEXT PRIMARY KEY, role TEXT NOT NULL, database TEXT NOT NULL, application TEXT NOT NULL,
    address TEXT NOT NULL, host TEXT NOT NULL, identity TEXT NOT NULL, method TEXT NOT NULL,
    tls INTEGER NOT NULL, started_at TEXT NOT NULL, last_seen_at TEXT NOT NULL, ended_at TEXT NOT NULL,
    seen_by TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_last_seen ON session (last_seen_at);
CREATE TABLE IF NOT EXISTS presence (
    role TEXT NOT NULL, database TEXT NOT NULL, application TEXT NOT NULL, address TEXT NOT NULL,
    host TEXT NOT NULL, identity TEXT NOT NULL, method TEXT NOT NULL, tls INTEGER NOT NULL,
    started_at TEXT NOT NULL, last_seen_at TEXT NOT NULL, ended_at TEXT NOT NULL, seen_by TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS presence_last_seen ON presence (last_seen_at);
CREATE TABLE IF NOT EXISTS login_failure (
    at TEXT NOT NULL, role TEXT NOT NULL, database TEXT NOT NULL, application TEXT NOT NULL,
    address TEXT NOT NULL, method TEXT NOT NULL, sqlstate TEXT NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (at, role, database, application, address, method, sqlstate)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS coverage (
    since TEXT NOT NULL, until TEXT NOT NULL, means TEXT NOT NULL, source TEXT NOT NULL,
    connections INTEGER NOT NULL, disconnections INTEGER NOT NULL, identities INTEGER NOT NULL,
    gaps INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS log_file (
    fingerprint TEXT PRIMARY KEY, name TEXT NOT NULL, position INTEGER NOT NULL, read_at TEXT NOT NULL
) WITHOUT ROWID;
"""
# what version 2 adds: which privileges statements took, and what could not be told
_USAGE_SCHEMA = """
CREATE TABLE IF NOT EXISTS usage (
    database TEXT NOT NULL, role TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    operation TEXT NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL, times INTEGER NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (database, role, kind, name, column_name, operation, source)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage_gap (
    database TEXT NOT NULL, role TEXT NOT NULL, command TEXT NOT NULL, reason TEXT NOT NULL,
    touches TEXT NOT NULL,
    first_at TEXT NOT NULL, last_at TEXT NOT NULL, times INTEGER NOT NULL, source TEXT NOT NULL,
    PRIMARY KEY (database, role, command, reason, touches, source)
) WITHOUT ROWID;
"""
_AGAIN = f"""
ON CONFLICT DO UPDATE SET
    first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),
    times = CASE WHEN source = '{TRACKED}' THEN max(times, excluded.times) ELSE times + excluded.times END
"""
_ADD_USAGE = f"INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) {_AGAIN}"  # noqa: S608
_ADD_GAP = f"INSERT INTO usage_gap VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) {_AGAIN}"  # noqa: S608

_SESSION_FIELDS = ", ".join(SessionSeen._fields)
_PRESENCE_FIELDS = ", ".join(SessionSeen._fields[1:])
# what is known stays, what was learnt since is added; the later of two names of an application counts
_ADD_SESSION = f"""
INSERT INTO session ({_SESSION_FIELDS}) VALUES ({", ".join("?" * len(SessionSeen._fields))})
ON CONFLICT (session) DO UPDATE SET
    role = CASE WHEN excluded.role = '' THEN role ELSE excluded.role END,
    database = CASE WHEN excluded.database = '' THEN database ELSE excluded.database END,
    application = CASE WHEN excluded.application = '' OR excluded.last_seen_at < last_seen_at
                       THEN application ELSE excluded.application END,
    address = CASE WHEN excluded.address = '' THEN address ELSE excluded.address END,
    host = CASE WHEN excluded.host = '' THEN host ELSE excluded.host END,
    identity = CASE WHEN excluded.identity = '' THEN identity ELSE excluded.identity END,
    method = CASE WHEN excluded.method = '' THEN method ELSE excluded.method END,
    tls = max(tls, excluded.tls),
    started_at = min(started_at, excluded.started_at),
    last_seen_at = max(last_seen_at, excluded.last_seen_at),
    ended_at = max(ended_at, excluded.ended_at),
    seen_by = CASE WHEN seen_by = 'log' THEN seen_by ELSE excluded.seen_by END
"""  # noqa: S608 - the names of our own fields
_ADD_FAILURE = """
INSERT INTO login_failure (at, role, database, application, address, method, sqlstate, times)
VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1
"""


class ObservationStore:
    """The store in a file, made when it is not there.

    Use it as a context manager: what was added is kept when the block ends well, and given up otherwise.
    Raises `InputError` for a file that is no store, is damaged, or was made by a newer version; such a
    file is not touched.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        is_new = not path.exists()
        try:
            if is_new:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            msg = f"{path}: the observation store cannot be opened: {error}"
            raise InputError(msg) from None
        try:
            self._check()
        except BaseException:
            self._db.close()
            raise
        self.kept_reads = KeptReads(self._db, self._said)

    def __enter__(self) -> Self:
        self._run("BEGIN IMMEDIATE")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run("COMMIT" if kind is None else "ROLLBACK")
        finally:
            self._db.close()

    def add(self, seen: Iterable[SessionSeen | LoginFailure]) -> tuple[int, int]:
        """Keep sessions and refusals; how many of each came."""
        sessions: list[SessionSeen] = []
        failures: list[LoginFailure] = []
        counts = [0, 0]
        for one in seen:
            if isinstance(one, SessionSeen):
                sessions.append(one)
                counts[0] += 1
            else:
                failures.append(one)
                counts[1] += 1
            if len(sessions) + len(failures) >= _BATCH:
                self._flush(sessions, failures)
        self._flush(sessions, failures)
        return counts[0], counts[1]

    def add_coverage(self, coverage: Coverage) -> None:
        """Keep which window was watched; nothing when nothing was."""
        if coverage.since:
            marks = ", ".join("?" * len(Coverage._fields))
            self._run(f"INSERT INTO coverage VALUES ({marks})", tuple(coverage))  # noqa: S608 - question marks

    def add_usage(self, used: Iterable[Used], gaps: Iterable[Unattributed]) -> None:
        """Count what statements took, and what of them could not be told."""
        try:
            self._db.executemany(
                _ADD_USAGE,
                ((one.database, *one.need, one.first_at, one.last_at, one.times, one.source) for one in used),
            )
            self._db.executemany(
                _ADD_GAP,
                ((one.database, *one.gap, one.first_at, one.last_at, one.times, one.source) for one in gaps),
            )
        except sqlite3.Error as error:
            raise InputError(self._said(error)) from None

    def usage(self) -> Iterator[Used]:
        """What statements took."""
        for row in self._db.execute("SELECT * FROM usage ORDER BY 1, 2, 3, 4, 5, 6"):
            yield Used(row[0], Need._make(row[1:6]), *row[6:])

    def usage_gaps(self) -> Iterator[Unattributed]:
        """What of statements could not be told."""
        for row in self._db.execute("SELECT * FROM usage_gap ORDER BY 1, 2, 3, 4, 5"):
            yield Unattributed(row[0], Gap._make(row[1:5]), *row[5:])

    def position(self, fingerprint: str) -> int:
        """How far a log file was read; 0 when it is new."""
        row = self._db.execute(
            "SELECT position FROM log_file WHERE fingerprint = ?", (fingerprint,)
        ).fetchone()
        return int(row[0]) if row else 0

    def remember(self, fingerprint: str, name: str, position: int, at: str) -> None:
        """Keep how far a log file was read."""
        self._run("INSERT OR REPLACE INTO log_file VALUES (?, ?, ?, ?)", (fingerprint, name, position, at))

    def read_before(self, name: str, kind: str) -> list[tuple[str, int]]:
        """The files that were read under a name for a kind of reading (see `position`), and how far."""
        rows = self._db.execute(
            "SELECT fingerprint, position FROM log_file WHERE name = ? AND fingerprint LIKE ? || ':%' "
            "ORDER BY read_at",
            (name, kind),
        )
        return [(str(fingerprint), int(position)) for fingerprint, position in rows]

    def checkpoint(self) -> None:
        """Make what was done so far last, and let others write for a moment."""
        self._run("COMMIT")
        self._run("BEGIN IMMEDIATE")

    def session(self, session: str) -> SessionSeen | None:
        """What is known of one session, while it is kept by itself."""
        row = self._db.execute(
            f"SELECT {_SESSION_FIELDS} FROM session WHERE session = ?",  # noqa: S608 - our own fields
            (session,),
        ).fetchone()
        return SessionSeen._make((*row[:8], bool(row[8]), *row[9:])) if row else None

    def sessions(self, since: str = "") -> Iterator[SessionSeen]:
        """Sessions and presences that were there at `since` (ISO 8601) or later, in order of their start.

        A presence has an empty `session`.
        """
        query = (
            f"SELECT {_SESSION_FIELDS} FROM session WHERE last_seen_at >= ? "  # noqa: S608 - our own fields
            f"UNION ALL SELECT '', {_PRESENCE_FIELDS} FROM presence WHERE last_seen_at >= ? "
            "ORDER BY started_at, role, address"
        )
        for row in self._db.execute(query, (since, since)):
            yield SessionSeen._make((*row[:8], bool(row[8]), *row[9:]))

    def failures(self, since: str = "") -> Iterator[tuple[LoginFailure, int]]:
        """Refused logins at `since` or later, each with how often it came in that second."""
        for row in self._db.execute("SELECT * FROM login_failure WHERE at >= ? ORDER BY at", (since,)):
            yield LoginFailure(*row[:7]), row[7]

    def coverages(self) -> list[Coverage]:
        """The windows that were watched, in order."""
        return [
            Coverage._make((*row[:4], *(bool(one) for one in row[4:7]), row[7]))
            for row in self._db.execute("SELECT * FROM coverage ORDER BY since, until")
        ]

    def prune(self, now: datetime.datetime, keep_days: int) -> None:
        """Put older sessions together as presences, and forget what is older than `keep_days`."""
        single = _iso(now - datetime.timedelta(days=_SINGLE_DAYS))
        rows = self._db.execute(
            f"SELECT {_PRESENCE_FIELDS} FROM session WHERE last_seen_at < ? "  # noqa: S608 - our own fields
            "ORDER BY role, database, application, address, host, identity, method, tls, seen_by, started_at",
            (single,),
        )
        marks = ", ".join("?" * len(SessionSeen._fields[1:]))
        self._db.executemany(f"INSERT INTO presence VALUES ({marks})", _presences(rows))  # noqa: S608
        self._run("DELETE FROM session WHERE last_seen_at < ?", (single,))
        oldest = _iso(now - datetime.timedelta(days=keep_days))
        self._run("DELETE FROM session WHERE last_seen_at < ?", (oldest,))
        self._run("DELETE FROM presence WHERE last_seen_at < ?", (oldest,))
        self._run("DELETE FROM login_failure WHERE at < ?", (oldest,))
        self._run("DELETE FROM coverage WHERE until < ?", (oldest,))
        self._run("DELETE FROM log_file WHERE read_at < ?", (oldest,))
        self._run("DELETE FROM usage WHERE last_at < ?", (oldest,))
        self._run("DELETE FROM usage_gap WHERE last_at < ?", (oldest,))
        self.kept_reads.prune(oldest)

    def _flush(self, sessions: list[SessionSeen], failures: list[LoginFailure]) -> None:
        try:
            self._db.executemany(_ADD_SESSION, sessions)
            self._db.executemany(_ADD_FAILURE, failures)
        except sqlite3.Error as error:
            raise InputError(self._said(error)) from None
        sessions.clear()
        failures.clear()

    def _check(self) -> None:
        try:
            # in one look, lest another process makes the store in between
            version, application, tables = self._db.execute(
                "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master) "
                "FROM pragma_user_version, pragma_application_id"
            ).fetchone()
            if (application, version, tables) == (0, 0, 0):
                self._db.executescript(
                    f"BEGIN IMMEDIATE; {_SCHEMA} {_USAGE_SCHEMA} {_READS_SCHEMA} "
                    f"PRAGMA application_id = {_APPLICATION_ID}; "
                    f"PRAGMA user_version = {_VERSION}; COMMIT;"
                )
                return
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise InputError(self._said(error)) from None
        if application != _APPLICATION_ID:
            msg = f"{self.path}: this file is not an observation store; it is left as it is"
            raise InputError(msg)
        if version > _VERSION:
            msg = f"{self.path}: the observation store was made by a newer pgguard; it is left as it is"
            raise InputError(msg)
        if version < _VERSION:
            self._migrate()

    def _migrate(self) -> None:
        try:
            # what is there already stays as it is, so that two at once do no harm
            self._db.executescript(
                f"BEGIN IMMEDIATE; {_USAGE_SCHEMA} {_READS_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;"
            )
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise InputError(self._said(error)) from None

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise InputError(self._said(error)) from None

    def _said(self, error: sqlite3.Error) -> str:
        return f"{self.path}: the observation store cannot be used: {error}"


def _presences(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Rows in the order of what is the same, put together where the pause between two is short."""
    started, last, ended = (
        SessionSeen._fields[1:].index(one) for one in ("started_at", "last_seen_at", "ended_at")
    )
    held: list[str] | None = None
    for row in rows:
        same = held is not None and (*held[:started], held[-1]) == (*row[:started], row[-1])
        if held is not None and same and _pause(held[last], row[started]) <= _PAUSE_SECONDS:
            held[last] = max(held[last], row[last])
            held[ended] = max(held[ended], row[ended])
        else:
            if held is not None:
                yield tuple(held)
            held = list(row)
    if held is not None:
        yield tuple(held)


def _pause(end: str, start: str) -> float:
    parse = datetime.datetime.fromisoformat
    return (parse(start) - parse(end)).total_seconds()


def _iso(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
