"""The statements in a log: log_statement, log_min_duration_statement, auto_explain, pgaudit.

A statement is told once it is known that the server did not refuse it: what failed for want of a
privilege, or because of a wrong name, used nothing.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections import OrderedDict
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.observe.records import LogRecord

_OPEN_AT_MOST = 20_000
# errors in names, syntax and privileges (SQLSTATE class 42)
_WRONG = "42"
_ERRORS = frozenset({"ERROR", "FATAL", "PANIC"})
_AUDIT = "AUDIT: "
_AUDIT_FIELDS = 9
_HIDDEN_STATEMENTS = frozenset({"<not logged>", "<previously logged>", "<none>", ""})
_PLAN_COST = re.compile(r"^\S.*  \(cost=", re.MULTILINE)
_QUERY_TEXT = "Query Text: "


class Audited(NamedTuple):
    """What pgaudit tells of a statement whose text it keeps to itself: READ or WRITE ..., command, object."""

    command: str
    kind: str
    name: str


class Logged(NamedTuple):
    """One message with statements. `text` holds values of users: read it and forget it.

    `session` joins the messages of one session. `prepared` is the PREPARE of an EXECUTE. With `audited`
    there is no text.
    """

    at: str
    session: str
    role: str
    database: str
    text: str
    prepared: str
    source: str
    audited: Audited | None = None


class StatementReader:
    """Takes records one by one; statements come out when the next line of their session is there.

    At most 20,000 sessions are held; the longest silent one is let go first.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, list[Logged]] = OrderedDict()
        self._audited: OrderedDict[str, str] = OrderedDict()

    def add(self, record: LogRecord) -> Iterator[Logged]:
        """What the record completes."""
        session = record.session or str(record.pid)
        waiting = self._waiting.get(session)
        if record.severity == "DETAIL":
            if waiting:
                prepared = _prepared(record.message)
                waiting[-1] = waiting[-1]._replace(prepared=prepared or waiting[-1].prepared)
            return
        if record.severity in _ERRORS and (
            record.sqlstate.startswith(_WRONG)
            or (not record.sqlstate and record.message.startswith(_words().refused))
        ):
            self._waiting.pop(session, None)
            return
        if record.severity != "LOG" or not record.message:
            return
        found = self._statement(record, session)
        if found is None:
            # a duration ends the statement before it, and so does anything else but the lines that
            # pgaudit and auto_explain write while it runs
            return
        if waiting and (found.source == "log" or waiting[-1].source == found.source):
            yield from self._waiting.pop(session)
        self._waiting.setdefault(session, []).append(found)
        self._waiting.move_to_end(session)
        if len(self._waiting) > _OPEN_AT_MOST:
            yield from self._waiting.popitem(last=False)[1]

    def rest(self) -> Iterator[Logged]:
        """What is left at the end of the log."""
        while self._waiting:
            yield from self._waiting.popitem(last=False)[1]

    def _statement(self, record: LogRecord, session: str) -> Logged | None:
        text, source, prepared = record.message, "log", _prepared(record.detail)
        if text.startswith(_AUDIT):
            return self._audit(record, session)
        is_timed = text.startswith(_words().duration)
        if is_timed:
            timed = _patterns().duration.match(text)
            text = text[timed.end() :] if timed else ""
            if text.startswith("plan:"):
                text, source = _explained(text), "auto_explain"
                return _of(record, session, text, "", source) if text else None
        found = _patterns().statement.match(text) or _patterns().execute.match(text)
        return _of(record, session, text[found.end() :], prepared, source) if found else None

    def _audit(self, record: LogRecord, session: str) -> Logged | None:
        fields = next(csv.reader([record.message.removeprefix(_AUDIT)], strict=False), [])
        if len(fields) < _AUDIT_FIELDS or fields[2] != "1":
            # what functions do inside is told by their bodies
            return None
        _, number, _, _, command, kind, name, text, *_ = fields
        if text in _HIDDEN_STATEMENTS:
            audited = Audited(command, kind, name)
            return _of(record, session, "", "", "pgaudit")._replace(audited=audited)
        # with one line for each relation, the text is told several times
        if self._audited.get(session) == number:
            return None
        self._audited[session] = number
        self._audited.move_to_end(session)
        if len(self._audited) > _OPEN_AT_MOST:
            self._audited.popitem(last=False)
        return _of(record, session, text, "", "pgaudit")


def _of(record: LogRecord, session: str, text: str, prepared: str, source: str) -> Logged:
    return Logged(record.at, session, record.role, record.database, text, prepared, source)


def _prepared(detail: str) -> str:
    found = _patterns().prepare.match(detail) if detail else None
    return detail[found.end() :] if found else ""


def _explained(text: str) -> str:
    """The query in what auto_explain writes in its text format; empty for other formats."""
    _, found, rest = text.partition(_QUERY_TEXT)
    plan = _PLAN_COST.search(rest)
    return rest[: plan.start()].strip() if found and plan else ""


class _Words(NamedTuple):
    statement: tuple[str, ...]
    duration: tuple[str, ...]
    execute: tuple[str, ...]
    prepare: tuple[str, ...]
    refused: tuple[str, ...]


class _Patterns(NamedTuple):
    statement: re.Pattern[str]
    duration: re.Pattern[str]
    execute: re.Pattern[str]
    prepare: re.Pattern[str]


@cache
def _words() -> _Words:
    text = resources.files("pgguard").joinpath("data/log_statements.toml").read_text(encoding="utf-8")
    return _Words(**{name: tuple(words) for name, words in tomllib.loads(text).items()})


@cache
def _patterns() -> _Patterns:
    words = _words()

    def any_of(known: tuple[str, ...]) -> str:
        return f"(?:{'|'.join(re.escape(one) for one in known)})"

    colon = r"[ \u00a0\u202f]?: ?"
    return _Patterns(
        statement=re.compile(any_of(words.statement) + colon),
        duration=re.compile(any_of(words.duration) + r"[ \u00a0\u202f]?:? ?[\d.]+ ms,?\s*"),
        execute=re.compile(any_of(words.execute) + r" [^:]*" + colon),
        prepare=re.compile(any_of(words.prepare) + colon),
    )
