"""Statements of logs read into the store as the privileges that they took; the texts are forgotten."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pgguard.analysis.usage.session import Session
from pgguard.model.observation import Coverage
from pgguard.model.usage import MEANS, TRACKED, Gap, Need, Unattributed, Used
from pgguard.observe.reading import fingerprint, in_order
from pgguard.observe.records import LogFile
from pgguard.observe.statements import StatementReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pgguard.analysis.usage.statements import Analyst, Found
    from pgguard.observe.statements import Logged
    from pgguard.observe.store import ObservationStore

Key = TypeVar("Key")
Row = TypeVar("Row", Used, Unattributed)
_AT_MOST = 10_000
_SESSIONS_AT_MOST = 20_000


class Learned(NamedTuple):
    """What reading came to: new lines, statements in them, and the lines that could not be read."""

    lines: int
    statements: int
    gaps: int


@dataclass(slots=True)
class _Seen:
    found: Found
    first_at: str
    last_at: str
    times: int


class Tally:
    """Counts what statements took, by role and object; never more than the store can take at once."""

    def __init__(self, store: ObservationStore) -> None:
        self._store = store
        # by the identity of what the analyst gave: it gives the same for statements that it knows
        self._seen: dict[tuple[int, str, str], _Seen] = {}

    def add(self, found: Found, database: str, at: str, source: str, times: int = 1) -> None:
        """Count one statement, or `times` of them."""
        key = (id(found), database, source)
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= _AT_MOST:
                self.flush()
            self._seen[key] = _Seen(found, at, at, times)
            return
        seen.first_at = min(seen.first_at, at)
        seen.last_at = max(seen.last_at, at)
        seen.times += times

    def flush(self) -> None:
        """Hand everything over to the store."""
        used: dict[tuple[str, Need, str], Used] = {}
        gaps: dict[tuple[str, Gap, str], Unattributed] = {}
        for (_, database, source), seen in self._seen.items():
            times = (seen.first_at, seen.last_at, seen.times, source)
            for need in seen.found.needs:
                _join(used, (database, need, source), Used(database, need, *times))
            for gap in seen.found.gaps:
                _join(gaps, (database, gap, source), Unattributed(database, gap, *times))
        self._store.add_usage(used.values(), gaps.values())
        self._seen.clear()


def _join(rows: dict[Key, Row], key: Key, row: Row) -> None:
    known = rows.get(key)
    if known is not None:
        row = row._replace(
            first_at=min(known.first_at, row.first_at),
            last_at=max(known.last_at, row.last_at),
            times=known.times + row.times,
        )
    rows[key] = row


def learn_from_logs(
    store: ObservationStore,
    analyst: Analyst,
    paths: Sequence[Path | None],
    *,
    now: str,
    prefix: str | None = None,
    timezone: str = "",
    progress: Callable[[str], None] = lambda text: None,
) -> Learned:
    """Count in the store what the statements in some logs took; None among the paths is stdin.

    A file that was learned from before is read from where the last reading ended. Raises `InputError` when
    a file cannot be opened or is no server log, `Unread` when the snapshot lacks a section.
    """
    tally = Tally(store)
    sessions: OrderedDict[str, Session] = OrderedDict()
    reader = StatementReader()
    lines = statements = gaps = 0

    def take(logged: Iterable[Logged]) -> None:
        nonlocal statements
        for one in logged:
            statements += 1
            _learn(analyst, tally, sessions, one)

    for path in in_order(paths, prefix, timezone):
        known = f"{MEANS}:{fingerprint(path)}" if path is not None else ""
        file = LogFile(path, start=store.position(known), prefix=prefix, timezone=timezone)
        progress(f"reading {file.name}")
        before = statements
        since = until = ""
        for record in file:
            if record.at:
                since = min(since or record.at, record.at)
                until = max(until, record.at)
            take(reader.add(record))
        take(reader.rest())
        if statements > before:
            covered = Coverage(since, until, MEANS, file.name, False, False, False, file.gaps)
            store.add_coverage(covered)
        lines += file.lines
        gaps += file.gaps
        if known:
            store.remember(known, file.name, file.position, now)
    tally.flush()
    return Learned(lines, statements, gaps)


def learn_from_tracked(
    store: ObservationStore,
    analyst: Analyst,
    rows: Iterable[tuple[str, str, str, int, bool]],
    *,
    since: str,
    now: str,
) -> int:
    """Count in the store what tracked statements took; how many there were.

    A row is database, role, text, calls and whether a client sent it. `since` is when counting began, empty
    where what is not among them may have been run nevertheless.
    """
    tally = Tally(store)
    read = 0
    for database, role, text, calls, is_from_client in rows:
        read += 1
        found = analyst.read(text, role, database, Session(), is_nested=not is_from_client)
        tally.add(found, database, since or now, TRACKED, calls)
        tally.add(found, database, now, TRACKED, 0)
    tally.flush()
    if since:
        store.add_coverage(Coverage(since, now, MEANS, TRACKED, False, False, False, 0))
    return read


def _learn(analyst: Analyst, tally: Tally, sessions: OrderedDict[str, Session], one: Logged) -> None:
    session = sessions.get(one.session)
    if session is None:
        session = sessions[one.session] = Session()
        if len(sessions) > _SESSIONS_AT_MOST:
            sessions.popitem(last=False)
    sessions.move_to_end(one.session)
    if one.audited is not None:
        found = analyst.audited(one.role, one.database, one.audited.command, one.audited.name)
    else:
        found = analyst.read(one.text, one.role, one.database, session, one.prepared)
    tally.add(found, one.database, one.at, one.source)
