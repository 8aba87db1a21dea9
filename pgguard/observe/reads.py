"""Logs mined for who read what: as a stream, each line once, whatever rotation does meanwhile.

What a line says of a statement's text is looked at and forgotten; see `model.reads` for what is kept. The
store is written, and the place in the file remembered, every 100,000 lines in one transaction: a reading that
was ended goes on from there.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.commands_given import commands_given
from pgguard.analysis.usage.session import Session
from pgguard.errors import InputError
from pgguard.model.observation import Coverage
from pgguard.model.reads import MEANS, CommandSeen, ReadSeen
from pgguard.observe.audit_lines import PREFIX, AuditReader
from pgguard.observe.reading import fingerprint, in_order
from pgguard.observe.records import LogFile
from pgguard.observe.sessions import Assembler
from pgguard.observe.statements import StatementReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pgguard.analysis.reads import Interpreter, What
    from pgguard.analysis.usage.statements import Analyst
    from pgguard.model.observation import LoginFailure, SessionSeen
    from pgguard.observe.audit_lines import Audited
    from pgguard.observe.records import LogRecord
    from pgguard.observe.statements import Logged
    from pgguard.observe.store import ObservationStore

_AT_ONCE = 10_000
_SESSIONS_AT_MOST = 20_000
# a folder of logs may hold years of them; what rotation renamed is among the newest
_NEIGHBOURS = 500
_RECORDED_COMMANDS = ("ROLE", "DDL")


class Ingested(NamedTuple):
    """What mining came to.

    `reads` and `commands` count statements by evidence; `gaps` lines that could not be read; `lost` says of
    which files something may be missing, and `unfinished` names those whose last record has no end yet.
    """

    lines: int
    reads: dict[str, int]
    commands: dict[str, int]
    gaps: int
    lost: tuple[str, ...]
    unfinished: tuple[str, ...]


class _Who(NamedTuple):
    session: str
    database: str
    login: str
    identity: str
    application: str
    address: str


@dataclass(slots=True)
class _Pending:
    """What is not in the store yet: reads alike counted together."""

    reads: dict[tuple[str, _Who, What], list[int]] = field(default_factory=dict)
    commands: dict[CommandSeen, None] = field(default_factory=dict)
    sessions: list[SessionSeen | LoginFailure] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.reads) + len(self.commands) + len(self.sessions)


class Miner:
    """Reads logs again and again into one store; `mine` reads what is new since the last time.

    Every `checkpoint` lines what was read is kept. Raises `Unread` when the snapshot lacks a section.
    """

    checkpoint = 100_000

    def __init__(
        self, analyst: Analyst, interpreter: Interpreter, *, prefix: str | None = None, timezone: str = ""
    ) -> None:
        self._analyst, self._interpreter = analyst, interpreter
        self._prefix, self._timezone = prefix, timezone
        self._assembler = Assembler()
        self._statements, self._audits = StatementReader(), AuditReader()
        self._who: OrderedDict[str, _Who] = OrderedDict()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._pending = _Pending()
        self._reads: dict[str, int] = {}
        self._commands: dict[str, int] = {}

    def mine(
        self,
        store: ObservationStore,
        paths: Sequence[Path | None],
        *,
        now: str,
        progress: Callable[[str], None] = lambda text: None,
    ) -> Ingested:
        """Read what is new in some logs; None among the paths is stdin. `now` is the time of this reading.

        Raises `InputError` for a file that cannot be opened or is no server log.
        """
        self._reads, self._commands = {}, {}
        lines = gaps = 0
        lost: list[str] = []
        unfinished: list[str] = []
        for path in self._with_rotated(store, paths, now, lost):
            known = f"{MEANS}:{fingerprint(path)}" if path is not None else ""
            start = store.position(known)
            if path is not None and start > path.stat().st_size and _grows(path):
                lost.append(
                    f"{path}: it was cut: {start - path.stat().st_size} bytes that were read are gone"
                )
                start = path.stat().st_size
            file = LogFile(path, start=start, prefix=self._prefix, timezone=self._timezone)
            progress(f"reading {file.name}")
            before = self._audits.gaps
            since = until = at = ""
            settled_lines = untimed = 0
            for record in file:
                if record.at:
                    at = record.at
                    since, until = min(since or at, at), max(until, at)
                else:
                    # what is read of a line that was cut was after the line before it
                    untimed += 1
                self._take(store, record if record.at else record._replace(at=at))
                if self._pending.size >= _AT_ONCE:
                    self._flush(store)
                if known and file.lines - settled_lines >= self.checkpoint:
                    settled_lines = file.lines
                    self._settle(store)
                    store.remember(known, file.name, file.settled, now)
                    store.checkpoint()
            self._pending.sessions += self._assembler.open()
            self._settle(store)
            bad = file.gaps + untimed + self._audits.gaps - before
            store.add_coverage(Coverage(since, until, MEANS, file.name, False, False, False, bad))
            lines, gaps = lines + file.lines, gaps + bad
            unfinished += [file.name] if file.unfinished else []
            if known and file.position:
                store.remember(known, file.name, file.position, now)
            store.checkpoint()
        return Ingested(lines, self._reads, self._commands, gaps, tuple(lost), tuple(unfinished))

    def _with_rotated(
        self, store: ObservationStore, paths: Sequence[Path | None], now: str, lost: list[str]
    ) -> Iterable[Path | None]:
        """The files, and before them those that were read under one of their names and have another now."""
        given = in_order(paths, self._prefix, self._timezone)
        there = {f"{MEANS}:{fingerprint(one)}" for one in given if one is not None}
        for path in given:
            for known, position in store.read_before(str(path), MEANS) if path is not None else ():
                if known in there or path is None:
                    continue
                moved = _neighbour(path, known)
                if moved is not None:
                    there.add(known)
                    yield moved
                    continue
                lost.append(
                    f"{path}: the file of that name that was read up to byte {position} is not there any "
                    "more: what was written to it after that is not known; if it was moved, give it by --log"
                )
                # said once
                store.remember(known, "", position, now)
            yield path

    def _take(self, store: ObservationStore, record: LogRecord) -> None:
        self._pending.sessions += self._assembler.add(record)
        seen = self._assembler.of(record)
        if seen is not None:
            # a process id is used again: from here on the session's own name tells its records apart
            record = record._replace(session=seen.session)
            self._know(store, seen, record)
        elif not record.session:
            record = record._replace(session=str(record.pid))
        if record.severity == "LOG" and record.message.startswith(PREFIX):
            if seen is None:
                self._know(store, None, record)
            for audited in self._audits.add(record):
                self._audited(audited)
            return
        for logged in self._statements.add(record):
            self._logged(logged)

    def _know(self, store: ObservationStore, seen: SessionSeen | None, record: LogRecord) -> None:
        before = self._who.get(record.session)
        identity = seen.identity if seen is not None else ""
        if before is None and not identity:
            earlier = store.session(record.session)
            identity = earlier.identity if earlier is not None else ""
        self._who[record.session] = _Who(
            record.session,
            record.database or (before.database if before else ""),
            record.role or (before.login if before else ""),
            identity or (before.identity if before else ""),
            record.application or (seen.application if seen is not None else ""),
            record.address or (seen.address if seen is not None else ""),
        )
        self._who.move_to_end(record.session)
        if len(self._who) > _SESSIONS_AT_MOST:
            self._who.popitem(last=False)

    def _audited(self, one: Audited) -> None:
        who = self._who.get(one.session) or _Who(one.session, "", "", "", "", "")
        evidences = set()
        for what in self._interpreter.of_lines(who.database, one.lines, copied=one.copied):
            self._count(one.at, who, what)
            evidences.add(what.evidence)
        for evidence in evidences:
            self._reads[evidence] = self._reads.get(evidence, 0) + 1
        for line in one.lines:
            if line.kind in _RECORDED_COMMANDS:
                self._command(one.at, who, (line.command, line.object_kind, line.object), "pgaudit")

    def _logged(self, one: Logged) -> None:
        who = self._who.get(one.session) or _Who(one.session, one.database, one.role, "", "", "")
        session = self._sessions.setdefault(one.session, Session())
        self._sessions.move_to_end(one.session)
        if len(self._sessions) > _SESSIONS_AT_MOST:
            self._sessions.popitem(last=False)
        found = self._analyst.read(one.text, one.role, one.database, session, one.prepared)
        command = _first_word(one.text)
        is_read = False
        for what in self._interpreter.of_statement(one.database, found, command):
            self._count(one.at, who, what)
            is_read = True
        if is_read:
            self._reads["log_statement"] = self._reads.get("log_statement", 0) + 1
        for given in commands_given(one.text):
            self._command(one.at, who, given, "log_statement")

    def _count(self, at: str, who: _Who, what: What) -> None:
        held = self._pending.reads.setdefault((at, who, what._replace(rows=-1)), [0, 0, 0])
        held[0] += 1
        held[1] += max(what.rows, 0)
        held[2] |= what.rows < 0

    def _command(self, at: str, who: _Who, given: tuple[str, str, str], evidence: str) -> None:
        seen = CommandSeen(
            at,
            who.session,
            who.database,
            who.login,
            who.identity,
            who.application,
            who.address,
            *given,
            evidence,
        )
        self._pending.commands[seen] = None
        self._commands[evidence] = self._commands.get(evidence, 0) + 1

    def _settle(self, store: ObservationStore) -> None:
        """Count what waits for the next line of its session: whether that refuses it is not known by now."""
        for audited in self._audits.rest():
            self._audited(audited)
        for logged in self._statements.rest():
            self._logged(logged)
        self._flush(store)

    def _flush(self, store: ObservationStore) -> None:
        pending, self._pending = self._pending, _Pending()
        store.kept_reads.add(
            (
                ReadSeen(at, *_place(who), *what[:5], rows=-1 if unknown else rows, times=times)
                for (at, who, what), (times, rows, unknown) in pending.reads.items()
            ),
            pending.commands,
        )
        store.add(pending.sessions)


def _place(who: _Who) -> tuple[str, str, str, str, str, str]:
    return who.session, who.database, who.login, who.identity, who.application, who.address


def _first_word(text: str) -> str:
    word = text.lstrip()[:20].split(None, 1)[:1]
    found = word[0].upper() if word else ""
    return found if found in _COMMANDS else ""


# words that may begin a statement that reads: another is not repeated
_COMMANDS = frozenset(
    {"SELECT", "TABLE", "WITH", "VALUES", "COPY", "DECLARE", "FETCH", "EXECUTE", "PREPARE", "EXPLAIN"}
    | {"INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "REFRESH", "DO", "CALL"}
)


def _neighbour(path: Path, known: str) -> Path | None:
    """The file beside it that has that first line: what rotation made of it."""
    try:
        beside = [one for one in path.parent.iterdir() if one.is_file() and one != path]
        beside.sort(key=lambda one: one.stat().st_mtime, reverse=True)
    except OSError:
        return None
    for one in beside[:_NEIGHBOURS]:
        try:
            if f"{MEANS}:{fingerprint(one)}" == known:
                return one
        except InputError:
            continue
    return None


def _grows(path: Path) -> bool:
    """Whether a place in a file is one in the file itself: of a packed one it is in what is unpacked."""
    with path.open("rb") as file:
        return not file.read(6).startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ"))
