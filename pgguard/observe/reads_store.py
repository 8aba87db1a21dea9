"""Who read what, in the observation store: what is alike of one session in one second is one row.

There is no statement, no parameter and no value in it, but names of logins, of programs and of columns.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from pgguard.errors import InputError
from pgguard.model.reads import CommandSeen, ReadSeen, ReadsOfDay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SCHEMA = """
CREATE TABLE IF NOT EXISTS read_what (
    id INTEGER PRIMARY KEY, database TEXT NOT NULL, login TEXT NOT NULL, identity TEXT NOT NULL,
    application TEXT NOT NULL, address TEXT NOT NULL, relation TEXT NOT NULL, columns TEXT NOT NULL,
    certainty TEXT NOT NULL, command TEXT NOT NULL, evidence TEXT NOT NULL,
    UNIQUE (relation, database, login, identity, application, address, columns, certainty, command, evidence)
);
CREATE TABLE IF NOT EXISTS read (
    at TEXT NOT NULL, session TEXT NOT NULL, what INTEGER NOT NULL REFERENCES read_what,
    rows INTEGER NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (at, session, what)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS read_by_what ON read (what, at);
CREATE TABLE IF NOT EXISTS command_given (
    at TEXT NOT NULL, session TEXT NOT NULL, database TEXT NOT NULL, login TEXT NOT NULL,
    identity TEXT NOT NULL, application TEXT NOT NULL, address TEXT NOT NULL, command TEXT NOT NULL,
    kind TEXT NOT NULL, object TEXT NOT NULL, evidence TEXT NOT NULL,
    PRIMARY KEY (at, session, command, kind, object, evidence)
) WITHOUT ROWID;
"""
# names of columns hold anything but this
_PART = "\x1f"
_WHAT = "database, login, identity, application, address, relation, columns, certainty, command, evidence"
_MARKS = ", ".join("?" * len(_WHAT.split(", ")))
_SAME = " AND ".join(f"{name} = ?" for name in _WHAT.split(", "))
_ADD_WHAT = f"INSERT OR IGNORE INTO read_what ({_WHAT}) VALUES ({_MARKS})"  # noqa: S608 - our own fields
_FIND_WHAT = f"SELECT id FROM read_what WHERE {_SAME}"  # noqa: S608 - our own fields
_ADD_READ = """
INSERT INTO read VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET times = times + excluded.times,
    rows = CASE WHEN rows < 0 OR excluded.rows < 0 THEN -1 ELSE rows + excluded.rows END
"""
_ADD_COMMAND = "INSERT OR IGNORE INTO command_given VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_KNOWN_AT_MOST = 100_000


class Which(NamedTuple):
    """Which reads are asked for: names as SQL has them, empty for any; `person` is a login or an identity."""

    relation: str = ""
    person: str = ""
    since: str = ""
    until: str = ""
    database: str = ""
    evidence: str = ""


class KeptReads:
    """The tables of reads and commands in an open store; `said` words an error of SQLite.

    Every method raises `InputError` when the store cannot be used.
    """

    def __init__(self, db: sqlite3.Connection, said: Callable[[sqlite3.Error], str]) -> None:
        self._db = db
        self._said = said
        self._known: dict[tuple[str, ...], int] = {}

    def add(self, reads: Iterable[ReadSeen], commands: Iterable[CommandSeen]) -> None:
        """Keep reads and commands."""
        try:
            self._db.executemany(
                _ADD_READ, ((one.at, one.session, self._what(one), one.rows, one.times) for one in reads)
            )
            self._db.executemany(_ADD_COMMAND, commands)
        except sqlite3.Error as error:
            raise InputError(self._said(error)) from None

    def reads(self, which: Which) -> Iterator[ReadSeen]:
        """The reads that are asked for, in the order of their time."""
        conditions, values = _conditions(
            (
                ("w.relation = ?", which.relation),
                ("? IN (w.login, w.identity)", which.person),
                ("r.at >= ?", which.since),
                ("r.at < ?", which.until),
                ("w.database = ?", which.database),
                ("w.evidence = ?", which.evidence),
            )
        )
        query = (
            f"SELECT r.at, r.session, {_WHAT}, r.rows, r.times FROM read AS r "  # noqa: S608 - our own words
            f"JOIN read_what AS w ON w.id = r.what WHERE {conditions} ORDER BY r.at, r.session, r.what"
        )
        for row in self._run(query, values):
            columns = tuple(one for one in row[8].split(_PART) if one)
            yield ReadSeen._make((*row[:8], columns, *row[9:]))

    def commands(self, since: str = "", until: str = "") -> Iterator[CommandSeen]:
        """The commands of a window, in the order of their time."""
        conditions, values = _conditions((("at >= ?", since), ("at < ?", until)))
        query = (
            f"SELECT * FROM command_given WHERE {conditions} "  # noqa: S608 - our own words
            "ORDER BY at, session, command, object"
        )
        for row in self._run(query, values):
            yield CommandSeen(*row)

    def daily(self, since: str) -> Iterator[ReadsOfDay]:
        """What each login read of each relation, day by day; alike by two evidences counts by the greater."""
        query = """
            SELECT day, database, login, relation, max(statements), max(rows), max(copies) FROM (
                SELECT substr(r.at, 1, 10) AS day, w.database, w.login, w.relation, w.evidence,
                    sum(r.times) AS statements, sum(max(r.rows, 0)) AS rows,
                    sum(CASE WHEN w.command = 'COPY' THEN r.times ELSE 0 END) AS copies
                FROM read AS r JOIN read_what AS w ON w.id = r.what
                WHERE r.at >= ? AND w.relation <> '' GROUP BY 1, 2, 3, 4, 5)
            GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """
        for row in self._run(query, (since,)):
            yield ReadsOfDay(*row)

    def prune(self, oldest: str) -> None:
        """Forget what was before."""
        self._run("DELETE FROM read WHERE at < ?", (oldest,))
        self._run("DELETE FROM command_given WHERE at < ?", (oldest,))
        self._run("DELETE FROM read_what WHERE id NOT IN (SELECT what FROM read)", ())
        self._known.clear()

    def _what(self, one: ReadSeen) -> int:
        key = (
            one.database,
            one.login,
            one.identity,
            one.application,
            one.address,
            one.relation,
            _PART.join(one.columns),
            one.certainty,
            one.command,
            one.evidence,
        )
        known = self._known.get(key)
        if known is None:
            self._run(_ADD_WHAT, key)
            known = int(self._run(_FIND_WHAT, key).fetchone()[0])
            if len(self._known) >= _KNOWN_AT_MOST:
                self._known.clear()
            self._known[key] = known
        return known

    def _run(self, query: str, values: tuple[str, ...]) -> sqlite3.Cursor:
        try:
            return self._db.execute(query, values)
        except sqlite3.Error as error:
            raise InputError(self._said(error)) from None


def _conditions(asked: Iterable[tuple[str, str]]) -> tuple[str, tuple[str, ...]]:
    given = [(condition, value) for condition, value in asked if value]
    return " AND ".join(condition for condition, _ in given) or "true", tuple(value for _, value in given)
