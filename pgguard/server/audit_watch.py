"""The catalog watch: the database looks at what its event triggers never see, as often as it is asked."""

from __future__ import annotations

import datetime
import time
from contextlib import closing
from typing import TYPE_CHECKING

from pgguard.errors import ConnectError
from pgguard.model.difference import Difference
from pgguard.server.audit_session import explained, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    import psycopg

    from pgguard.server.connect import Target

_KEEPER = "pgguard_audit_keeper"
# what holds the store's lock for longer holds up every writer, and is to be told
_LOCK = "SET lock_timeout = '10s'"


def watch(
    target: Target, every: int = 0, progress: Callable[[str], None] = lambda text: None
) -> Generator[tuple[Difference, ...]]:
    """What differs from the last look, once, or every so many seconds (0: once) until the caller stops.

    The store records each difference. With `every` this program compares the functions that do so, too, by
    the catalog alone and in its own memory: whoever replaces them cannot hide that. A look that fails is told
    by `progress` and tried again; the look after a gap records that nobody watched.
    Raises `ConnectError` when the first look fails, `UsageError` when we may not look or there is no store.
    """
    guards: dict[str, str] = {}
    while True:
        try:
            with closing(target.connect()) as connection, explained(connection, _KEEPER):
                _prepare(connection)
                while True:
                    yield _look(connection, every, guards)
                    if not every:
                        return
                    time.sleep(every)
        except ConnectError as error:
            if not guards or not every:
                raise
            progress(f"{error}; looking again in {every} s")
            time.sleep(every)


def _prepare(connection: psycopg.Connection[tuple[str, ...]]) -> None:
    connection.read_only = None
    connection.isolation_level = None
    connection.autocommit = True
    rows(connection, "session")
    connection.execute(_LOCK)


def _look(
    connection: psycopg.Connection[tuple[str, ...]], every: int, guards: dict[str, str]
) -> tuple[Difference, ...]:
    at = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    now = {str(name): str(state) for name, state in rows(connection, "guards")}
    said = [Difference(at, *row) for row in rows(connection, "watch", every or None)]
    known = {one.object for one in said}
    if guards:
        said += [one for one in _changed(at, guards, now) if one.object not in known]
    guards.clear()
    guards.update(now)
    return tuple(said)


def _changed(at: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            yield Difference(
                at,
                name,
                "there" if name in before else None,
                "there, and changed; the store did not tell" if name in now else None,
            )
