"""Log files read into the store: in the order of their time, each line once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from pgguard.observe.records import LogFile, first_line
from pgguard.observe.sessions import Assembler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pgguard.model.observation import Coverage, LoginFailure, SessionSeen
    from pgguard.observe.store import ObservationStore


class LogsRead(NamedTuple):
    """What reading came to: lines new since the last time, sessions and refusals in them, the window."""

    lines: int
    sessions: int
    failures: int
    coverage: Coverage
    unfinished: tuple[str, ...]


def read_logs(
    store: ObservationStore,
    paths: Sequence[Path | None],
    *,
    now: str,
    prefix: str | None = None,
    timezone: str = "",
    progress: Callable[[str], None] = lambda text: None,
) -> LogsRead:
    """Add to the store what the logs tell; None among the paths is stdin.

    A file that was read before, also under the name or in the compressed form that rotation gave it, is
    read from where the last reading ended. `now` is the time of this reading. `unfinished` names the
    files whose last record has no end: it is read the next time.
    Raises `InputError` for a file that cannot be opened or is no server log.
    """
    assembler = Assembler()
    gaps = lines = 0
    unfinished: list[str] = []

    def told() -> Iterator[SessionSeen | LoginFailure]:
        nonlocal gaps, lines
        for path in in_order(paths, prefix, timezone):
            known = fingerprint(path) if path is not None else ""
            file = LogFile(path, start=store.position(known), prefix=prefix, timezone=timezone)
            progress(f"reading {file.name}")
            for record in file:
                yield from assembler.add(record)
            gaps += file.gaps
            lines += file.lines
            if file.unfinished:
                unfinished.append(file.name)
            if known:
                store.remember(known, file.name, file.position, now)
        yield from assembler.rest()

    sessions, failures = store.add(told())
    coverage = assembler.coverage(", ".join(str(path) for path in paths if path), gaps)
    store.add_coverage(coverage)
    return LogsRead(lines, sessions, failures, coverage, tuple(unfinished))


def fingerprint(path: Path) -> str:
    """A name for a log that stays when it grows, is renamed or compressed: a digest of its first line."""
    return hashlib.sha256(first_line(path)).hexdigest()[:32]


def in_order(paths: Sequence[Path | None], prefix: str | None, timezone: str) -> list[Path | None]:
    """Log files in the order of their first records.

    Raises `InputError` for one that is no server log.
    """

    def first(path: Path | None) -> str:
        if path is None:
            return "~"
        return next(
            (record.at for record in LogFile(path, prefix=prefix, timezone=timezone) if record.at), ""
        )

    # one file needs no order, and stdin cannot be read twice
    return list(paths) if len(paths) < 2 else sorted(paths, key=first)
