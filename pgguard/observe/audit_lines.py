"""pgaudit's lines, put together by statement: what was read, called and commanded.

Of a line the fields before the statement are looked at, and the number of rows behind it; the statement and
its parameters are not. Source: pgaudit's manual, Format.
"""

from __future__ import annotations

import csv
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pgguard.model.reads import AuditLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.observe.records import LogRecord

PREFIX = "AUDIT: "
_FIELDS = 9
_OPEN_AT_MOST = 20_000


@dataclass(slots=True)
class Audited:
    """What pgaudit told of one statement of a client: its lines, each with the rows it gave (-1: not told).

    `session` joins the statements of a session, `copied` tells that the client asked for a COPY.
    """

    at: str
    session: str
    number: str
    copied: bool
    lines: dict[AuditLine, int] = field(default_factory=dict)


class AuditReader:
    """Takes records one by one; a statement comes out when its session goes on to another.

    At most 20,000 sessions are held; the longest silent one is let go first. `gaps` counts lines that could
    not be read.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[str, Audited] = OrderedDict()
        self.gaps = 0

    def add(self, record: LogRecord) -> Iterator[Audited]:
        """What the record completes."""
        found = _parsed(record.message)
        if found is None:
            self.gaps += 1
            return
        number, line, rows = found
        held = self._open.get(record.session)
        if held is not None and held.number != number:
            yield self._open.pop(record.session)
            held = None
        if held is None:
            held = self._open[record.session] = Audited(record.at, record.session, number, False)
        held.copied |= record.command == "COPY" or line.command == "COPY"
        # many lines of one statement may be alike: what a function does in a loop
        before = held.lines.get(line, -1)
        held.lines[line] = before if rows < 0 else rows + max(before, 0)
        self._open.move_to_end(record.session)
        if len(self._open) > _OPEN_AT_MOST:
            yield self._open.popitem(last=False)[1]

    def rest(self) -> Iterator[Audited]:
        """What is left at the end of the log."""
        while self._open:
            yield self._open.popitem(last=False)[1]


def _parsed(message: str) -> tuple[str, AuditLine, int] | None:
    row = next(csv.reader([message.removeprefix(PREFIX)], strict=False), [])
    if len(row) < _FIELDS or row[0] not in ("SESSION", "OBJECT") or not row[1].isdigit():
        return None
    rows = int(row[_FIELDS]) if len(row) > _FIELDS and row[_FIELDS].isdigit() else -1
    return row[1], AuditLine(row[0], *row[3:7]), rows
