"""Sessions put together from the records of a log: who came from where, as whom, until when.

The lines of one session are joined by its session id; where the prefix has none, by process id between
two "connection received" lines. An identity counts only when the server itself wrote it, that is before
the session was authorized: later a user can put any text into the log (RAISE LOG).
"""

from __future__ import annotations

import re
import tomllib
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from pgguard.model.observation import Coverage, LoginFailure, SessionSeen
from pgguard.observe.clock import of_session_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.observe.records import LogRecord

# identity="..." method=... (file:line), whatever the language
_AUTHENTICATED = re.compile(
    r"[^=]+=[\"«»“„](?P<identity>.*)[\"«»”“] [^= ]+=(?P<method>[a-z0-9-]+) \(.*:\d+\)\Z", re.DOTALL
)
_TLS = re.compile(r" \([^()=:]+ ?[=:] ?(?:TLS|SSL)v")
# host=... port=..., whatever the language, at the end of where a connection comes from or where it ended
_PLACE = re.compile(r"=(?P<host>\S+)(?: [^ =]+=\d+)?\Z")
# invalid authorization, no such database, too many connections, not accepting connections
_REFUSALS = ("28", "3D000", "53300", "57P03", "53400")
_OPEN_AT_MOST = 200_000
_REFUSED_AT_MOST = 1_000


@dataclass(slots=True)
class _Session:
    session: str
    role: str
    database: str
    application: str
    address: str
    identity: str
    method: str
    tls: bool
    started_at: str
    last_seen_at: str
    is_authorized: bool
    is_new: bool
    authorized_at: str = ""

    def seen(self, ended_at: str = "") -> SessionSeen:
        return SessionSeen(
            self.session,
            self.role,
            self.database,
            self.application,
            self.address,
            "",
            self.identity,
            self.method,
            self.tls,
            self.started_at,
            self.last_seen_at,
            ended_at,
            "log",
        )


class _Messages(NamedTuple):
    received: tuple[str, ...]
    authenticated: tuple[str, ...]
    authorized: tuple[str, ...]
    disconnected: tuple[str, ...]
    role: tuple[str, ...]
    database: tuple[str, ...]
    application: tuple[str, ...]
    encrypted: tuple[str, ...]


class Assembler:
    """Takes records one by one; `sessions` and `failures` come out as they are complete.

    At most 200,000 sessions are held open; the longest silent one is then told as still open. What was
    seen of the log itself is in `coverage`.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Session] = OrderedDict()
        self._refused: OrderedDict[str, None] = OrderedDict()
        self.since = ""
        self.until = ""
        self.connections = False
        self.disconnections = False
        self.identities = False
        self.untimed = 0

    def add(self, record: LogRecord) -> Iterator[SessionSeen | LoginFailure]:
        """What the record completes, if anything."""
        if not record.at:
            self.untimed += 1
            return
        if not self.since or record.at < self.since:
            self.since = record.at
        self.until = max(self.until, record.at)
        message = record.message
        told = _messages()
        key = record.session or f"{record.pid}"
        if record.severity == "LOG" and message.startswith(told.received):
            self.connections = True
            self._refused.pop(key, None)
            before = self._open.pop(key, None)
            if before is not None and before.is_authorized:
                yield before.seen()
            yield from self._begin(key, record._replace(address=_address(record)), is_new=True)
            return
        is_client = record.role or key in self._open
        if not is_client and not (record.severity == "LOG" and message.startswith(told.authorized)):
            return
        session = self._open.get(key)
        if session is None and key in self._refused:
            # the end of a session that never was one
            del self._refused[key]
            return
        if session is None:
            yield from self._begin(key, record, is_new=False)
            session = self._open[key]
        self._follow(session, record)
        if record.severity == "LOG":
            if message.startswith(told.authorized):
                self.connections = True
                session.authorized_at = record.at
                self._authorize(session, message, told)
            elif message.startswith(told.authenticated):
                self.identities |= self._authenticate(session, message)
            elif message.startswith(told.disconnected):
                self.disconnections = True
                session.address = session.address or _address(record)
                del self._open[key]
                yield session.seen(record.at)
            elif not session.is_new:
                session.is_authorized = True
        elif record.severity in ("FATAL", "PANIC"):
            if _is_refusal(session, record):
                del self._open[key]
                self._refused[key] = None
                if len(self._refused) > _REFUSED_AT_MOST:
                    self._refused.popitem(last=False)
                yield _failure(session, record)
        elif not session.is_new:
            session.is_authorized = True

    def of(self, record: LogRecord) -> SessionSeen | None:
        """The open session that a record belongs to, as far as it is known by now."""
        session = self._open.get(record.session or f"{record.pid}")
        return session.seen() if session is not None else None

    def open(self) -> Iterator[SessionSeen]:
        """The sessions that are open, as far as they are known by now; they stay open."""
        return (one.seen() for one in self._open.values() if one.is_authorized)

    def rest(self) -> Iterator[SessionSeen]:
        """The sessions whose end was not seen."""
        while self._open:
            _, session = self._open.popitem(last=False)
            if session.is_authorized:
                yield session.seen()

    def coverage(self, source: str, gaps: int) -> Coverage:
        """The window that was read; `gaps` are the lines that the reader could not understand."""
        return Coverage(
            self.since,
            self.until,
            "log",
            source,
            self.connections,
            self.disconnections,
            self.identities,
            gaps + self.untimed,
        )

    def _begin(self, key: str, record: LogRecord, *, is_new: bool) -> Iterator[SessionSeen]:
        started = of_session_id(record.session) or record.at
        self._open[key] = _Session(
            record.session or f"{started}.{record.pid:x}",
            record.role,
            record.database,
            record.application,
            record.address,
            "",
            "",
            False,
            started,
            record.at,
            False,
            is_new,
        )
        if len(self._open) > _OPEN_AT_MOST:
            _, oldest = self._open.popitem(last=False)
            if oldest.is_authorized:
                yield oldest.seen()

    def _follow(self, session: _Session, record: LogRecord) -> None:
        session.last_seen_at = max(session.last_seen_at, record.at)
        session.role = record.role or session.role
        session.database = record.database or session.database
        session.address = record.address or session.address
        session.application = record.application or session.application

    def _authorize(self, session: _Session, message: str, told: _Messages) -> None:
        session.is_authorized = True
        role, rest = _after(message, told.role, told.database + told.application)
        session.role = session.role or role
        session.database = (
            session.database or _after(rest, told.database, told.application + told.encrypted)[0]
        )
        session.application = session.application or _after(rest, told.application, told.encrypted)[0]
        session.tls = _TLS.search(message) is not None

    def _authenticate(self, session: _Session, message: str) -> bool:
        found = _AUTHENTICATED.search(message)
        if found is None or session.is_authorized:
            return False
        session.method = found["method"]
        # trust asks for nothing: the name is what the client claims (17 and later log it as user=)
        session.identity = "" if session.method == "trust" else found["identity"]
        return True


def assemble(records: Iterable[LogRecord], assembler: Assembler) -> Iterator[SessionSeen | LoginFailure]:
    """Everything that the records tell, the sessions still open at the end included."""
    for record in records:
        yield from assembler.add(record)
    yield from assembler.rest()


def _address(record: LogRecord) -> str:
    """Where the client is, as the record says or its message; many a prefix leaves it out."""
    if record.address:
        return record.address
    found = _PLACE.search(record.message)
    return found["host"] if found is not None and found["host"] != "[local]" else ""


def _is_refusal(session: _Session, record: LogRecord) -> bool:
    if record.sqlstate:
        return record.sqlstate.startswith(_REFUSALS)
    # the database and the limits are looked at after the session was authorized, in the same moment
    return session.is_new and session.authorized_at in ("", record.at)


def _failure(session: _Session, record: LogRecord) -> LoginFailure:
    return LoginFailure(
        record.at,
        session.role,
        session.database,
        session.application,
        session.address,
        session.method,
        record.sqlstate,
    )


@cache
def _messages() -> _Messages:
    text = resources.files("pgguard").joinpath("data/log_messages.toml").read_text(encoding="utf-8")
    return _Messages(**{name: tuple(words) for name, words in tomllib.loads(text).items()})


def _after(text: str, starts: tuple[str, ...], ends: tuple[str, ...]) -> tuple[str, str]:
    """What follows the first of `starts` up to the first of `ends`, and the rest of the text from there."""
    begin = min((text.index(one) + len(one) for one in starts if one in text), default=-1)
    if begin < 0:
        return "", text
    end = min((place for one in ends if (place := text.find(one, begin)) >= 0), default=len(text))
    return text[begin:end].strip(), text[end:]
