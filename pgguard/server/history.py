"""The history in a PostgreSQL database, in a schema of its own."""

from __future__ import annotations

import contextlib
import datetime
from typing import TYPE_CHECKING, Any

import psycopg

from pgguard.errors import ConnectError, HistoryError, InputError
from pgguard.model.history import instant
from pgguard.model.quote import ident
from pgguard.server.connect import Target, said
from pgguard.store.history_file import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_VERSION = 2
_TABLES = 6


class PostgresRows:
    """The tables at a postgresql:// address (`pgguard.store.history.Rows`); the first write makes them.

    Raises `InputError` for a history that is damaged, newer than we are, or somebody else's, which is not
    touched; `HistoryError` when the server cannot be reached; `UsageError` for an address with a password.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._version = _VERSION
        target = Target.from_options(where)
        try:
            self._connection = target.connect()
        except ConnectError as error:
            msg = f"the history at {where}: {error}"
            raise HistoryError(msg) from None
        try:
            with self._told():
                self._connection.autocommit = True
                self._connection.read_only = False
                self._connection.isolation_level = None
                self._connection.execute(sql("session").encode())
                self._is_there = self._checked()
        except BaseException:
            self.close()
            raise

    def query(self, name: str, *values: object) -> list[tuple[Any, ...]]:
        """As `Rows.query`."""
        if not self._is_there:
            return []
        with self._told():
            rows = (
                psycopg.RawCursor(self._connection)
                .execute(sql(name, self._version).encode(), values)
                .fetchall()
            )
        return [tuple(map(_text, row)) for row in rows]

    def write(self, name: str, rows: Iterable[tuple[object, ...]]) -> None:
        """As `Rows.write`."""
        with self._told():
            psycopg.RawCursor(self._connection).executemany(sql(name).encode(), rows)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """As `Rows.writing`; another session that writes is waited for."""
        with self._told(), self._connection.transaction():
            self._connection.execute(sql("lock").encode())
            is_there, version = self._is_there, self._version
            # asked again under the lock: another run may have made or upgraded it
            if not self._checked():
                self._connection.execute(sql("schema").encode())
            elif self._version < _VERSION:
                self._connection.execute(sql("upgrade_2").encode())
            self._is_there, self._version = True, _VERSION
            try:
                yield
            except BaseException:
                self._is_there, self._version = is_there, version
                raise

    def close(self) -> None:
        """As `Rows.close`."""
        self._connection.close()

    def _checked(self) -> bool:
        place: tuple[Any, ...] | None = self._connection.execute(sql("place").encode()).fetchone()
        if place is None or not place[0]:
            return False
        _, tables, trusted, odd = place
        if not trusted or odd:
            # its triggers, rules and defaults would run with our rights
            who = ident(self._connection.info.user)
            msg = (
                f"the history at {self._where} is somebody else's, or its tables are not as they were made: "
                f"schema pgguard_history has to belong to {who}, without triggers, rules and policies; "
                "it is left as it is"
            )
            raise InputError(msg)
        if tables != _TABLES:
            raise InputError(self._damaged())
        found: tuple[Any, ...] | None = self._connection.execute(sql("version").encode()).fetchone()
        if found is None or found[0] is None:
            raise InputError(self._damaged())
        if not 1 <= found[0] <= _VERSION:
            msg = f"the history at {self._where} was made by a newer pgguard; it is left as it is"
            raise InputError(msg)
        self._version = found[0]
        return True

    def _damaged(self) -> str:
        return f"the history at {self._where} is damaged: tables are missing; it is left as it is"

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            raise InputError(self._damaged()) from None
        except psycopg.Error as error:
            msg = f"the history at {self._where} cannot be used: {said(error)}"
            raise HistoryError(msg) from None


def _text(value: Any) -> Any:
    return instant(value) if isinstance(value, datetime.datetime) else value
