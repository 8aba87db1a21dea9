"""The history in a SQLite file, for its owner's eyes only."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import urllib.parse
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from pgguard.errors import HistoryError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_APPLICATION_ID = 0x70676869
_VERSION = 2
_WAIT_SECONDS = 30
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class SqliteRows:
    """The tables in a file (`pgguard.store.history.Rows`); it is made by the first write.

    Raises `InputError` for a file that is corrupt, foreign or newer than we are, `HistoryError` for one
    that cannot be opened; neither is touched.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: sqlite3.Connection | None = None
        self._version = _VERSION
        with self._told():
            if path.exists():
                self._db = self._opened()

    def query(self, name: str, *values: object) -> list[tuple[Any, ...]]:
        """As `Rows.query`."""
        if self._db is None:
            return []
        with self._told():
            return self._db.execute(sql(name, self._version), _numbered(values)).fetchall()

    def write(self, name: str, rows: Iterable[tuple[object, ...]]) -> None:
        """As `Rows.write`."""
        assert self._db is not None  # noqa: S101 - inside `writing`
        with self._told():
            self._db.executemany(sql(name), map(_numbered, rows))

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """As `Rows.writing`; another process that writes is waited for."""
        with self._told():
            db = self._db or self._made()
            db.execute("BEGIN IMMEDIATE")
        try:
            with self._told():
                self._upgrade(db)
            yield
            with self._told():
                db.execute("COMMIT")
        except BaseException:
            # a full disk has ended the transaction already
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
                (self._version,) = db.execute("PRAGMA user_version").fetchone()
            raise

    def _upgrade(self, db: sqlite3.Connection) -> None:
        # asked again under the lock: another process may have done it
        (self._version,) = db.execute("PRAGMA user_version").fetchone()
        if self._version < _VERSION:
            db.execute(sql("upgrade_2.sqlite"))
            db.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """As `Rows.close`."""
        if self._db is not None:
            self._db.close()

    def _opened(self) -> sqlite3.Connection | None:
        # rw: a file that went away in between is not made anew by looking
        place = f"file:{urllib.parse.quote(str(self.path.absolute()))}?mode=rw"
        db = sqlite3.connect(place, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)
        try:
            if self._is_history(db):
                return db
        except BaseException:
            db.close()
            raise
        db.close()
        return None

    def _made(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = self._opened()
        if self._db is None:
            self._db = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None)
            # what is there already stays as it is, so that two at once do no harm
            self._db.executescript(
                f"BEGIN IMMEDIATE; {sql('schema.sqlite')}; PRAGMA application_id = {_APPLICATION_ID}; "
                f"PRAGMA user_version = {_VERSION}; COMMIT;"
            )
        return self._db

    def _is_history(self, db: sqlite3.Connection) -> bool:
        # in one look, lest another process makes the tables in between
        version, application, tables = db.execute(
            "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master) "
            "FROM pragma_user_version, pragma_application_id"
        ).fetchone()
        if (application, version, tables) == (0, 0, 0):
            return False
        if application != _APPLICATION_ID:
            msg = f"{self.path}: this file is not a history of pgguard's; it is left as it is"
            raise InputError(msg)
        if not 1 <= version <= _VERSION:
            msg = f"{self.path}: the history was made by a newer pgguard; it is left as it is"
            raise InputError(msg)
        # damage deep in the file would otherwise be found after half of a run is written
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise InputError(self._damaged())
        self._version = version
        return True

    def _damaged(self) -> str:
        return (
            f"{self.path}: the history is damaged, or is no history; it is left as it is: "
            "restore it from a backup, or move it away and begin anew"
        )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _CORRUPT:
                raise InputError(self._damaged()) from None
            msg = f"{self.path}: the history cannot be used: {error}"
            raise HistoryError(msg) from None
        except OSError as error:
            msg = f"{self.path}: the history cannot be used: {error.strerror}"
            raise HistoryError(msg) from None


@cache
def sql(name: str, version: int = 0) -> str:
    """A file of sql/history, without a semicolon at its end: the one for an older form where there is one."""
    folder = resources.files("pgguard").joinpath("sql/history")
    older = folder.joinpath(f"{name}.v{version}.sql")
    file = older if older.is_file() else folder.joinpath(f"{name}.sql")
    return file.read_text("utf-8").rstrip().rstrip(";")


def _numbered(values: tuple[object, ...]) -> dict[str, object]:
    # $1 is a name to SQLite
    return {str(number): value for number, value in enumerate(values, 1)}
