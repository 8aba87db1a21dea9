"""Server logs as a stream of records: jsonlog, csvlog, and stderr with any log_line_prefix.

Sources: the manual's chapter "Error Reporting and Logging" (log_line_prefix, csvlog columns, jsonlog
keys). One record is in memory at a time. What cannot be understood is counted in `LogFile.gaps`, never
dropped in silence; a byte that is no UTF-8 becomes U+FFFD.
"""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import lzma
import re
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import msgspec

from pgguard.errors import InputError
from pgguard.observe import audit_file
from pgguard.observe.clock import Clock
from pgguard.observe.prefix import SEVERITIES, Prefix, guess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# how a compressed file begins
_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
_CSV_START = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [^,]{1,30},")
_CSV_WIDTHS = frozenset({23, 24, 26})
# a statement of this size says nothing more to us than its beginning
_LONGEST = 16 << 20
_FIRST_LINES = 200


class LogRecord(NamedTuple):
    """One message of the log.

    `at` is ISO 8601 in UTC to the second, empty where the zone is not known. `session` is the session
    id (%c), empty in a stderr log whose prefix has none. `address` is empty for the local socket.
    `severity` is in English whatever lc_messages says: LOG, ERROR, FATAL ..., and DETAIL, HINT, CONTEXT,
    STATEMENT, QUERY for the lines that a stderr log has of their own. `detail` and `statement` are in
    jsonlog and csvlog alone; they and `message` hold values of users: never keep them. `command` is what the
    session was doing (SELECT, COPY, idle ...), as csvlog and jsonlog tell it.
    """

    at: str
    session: str
    pid: int
    role: str
    database: str
    application: str
    address: str
    severity: str
    sqlstate: str
    message: str
    detail: str
    statement: str
    backend_type: str
    command: str = ""


class LogFile:
    """One log file: iterate over it for its records.

    `format` is jsonlog, csvlog, stderr or pgauditlogtofile. `prefix` is the log_line_prefix of a stderr log;
    without one it is guessed from the first lines. After the iteration `gaps` counts the lines that could not
    be read and `position` is where the next reading of a file that grows has to go on: a last record without
    its end is not consumed (`unfinished`), unless the file is compressed or a pipe. Of a message of several
    lines in a stderr log nobody knows whether more are to come; what comes later is passed over.

    Raises `InputError` for a file that cannot be opened or is no server log.
    """

    def __init__(
        self, path: Path | None, *, start: int = 0, prefix: str | None = None, timezone: str = ""
    ) -> None:
        self.name = str(path) if path is not None else "stdin"
        self.gaps = 0
        self.lines = 0
        self.unfinished = False
        self._start = start
        self.position = start
        # how much of it is of a record that was not handed out yet
        self._held = 0
        self._clock = Clock(timezone)
        self._file, self._grows = _opened(path, start)
        self._ahead: list[bytes] = []
        self._prefix: Prefix | None = None
        self.format = self._recognise(path, prefix)

    @property
    def settled(self) -> int:
        """Where a reading that ends after the last record that was handed out has to go on."""
        return self.position - self._held

    def __iter__(self) -> Iterator[LogRecord]:
        try:
            if self.format == "jsonlog":
                yield from self._json()
            elif self.format == "csvlog":
                yield from self._csv()
            elif self.format == "pgauditlogtofile":
                yield from self._audit()
            else:
                yield from self._stderr()
        except (EOFError, lzma.LZMAError, gzip.BadGzipFile, OSError):
            # a compressed file that was cut: what came before is told, the rest is a gap
            self.gaps += 1
        finally:
            self._file.close()

    def _recognise(self, path: Path | None, prefix: str | None) -> str:
        if self._start == 0 or path is None:
            lines = self._ahead = self._look_ahead(self._file)
        else:
            # what was added since may be the rest of a message, or too little to tell
            beginning, _ = _opened(path, 0)
            with contextlib.closing(beginning):
                lines = self._look_ahead(beginning)
        first = next((line for line in lines if line.strip()), b"")
        if any(audit_file.is_ours(line) for line in (first, *lines)):
            return "pgauditlogtofile"
        if first.startswith(b"{"):
            return "jsonlog"
        if any(_CSV_START.match(line) and line.count(b",") > _CSV_COMMAS for line in lines):
            return "csvlog"
        sample = [_text(line) for line in lines]
        self._prefix = Prefix(prefix) if prefix is not None else guess(sample)
        fitting = sum(1 for line in sample if self._prefix is not None and self._prefix.match(line))
        if first and not fitting:
            self._file.close()
            msg = (
                f"{self.name}: this is no server log that can be read"
                + (f" with log_line_prefix {prefix!r}" if prefix is not None else "")
                + ": give its log_line_prefix with --prefix (SHOW log_line_prefix tells it)"
            )
            raise InputError(msg)
        return "stderr"

    def _look_ahead(self, file: BinaryIO) -> list[bytes]:
        found: list[bytes] = []
        try:
            for line in file:
                found.append(line)
                if len(found) == _FIRST_LINES:
                    break
        except (EOFError, lzma.LZMAError, gzip.BadGzipFile, OSError):
            self.gaps += 1
        return found

    def _raw_lines(self) -> Iterator[bytes]:
        """The lines, without one whose end has not been written yet in a file that may grow."""
        ahead, self._ahead = self._ahead, []
        for source in (ahead, self._file):
            for line in source:
                if self._grows and not line.endswith(b"\n"):
                    self.unfinished = True
                    return
                self.lines += 1
                self.position += len(line)
                yield line

    def _json(self) -> Iterator[LogRecord]:
        decode = msgspec.json.Decoder(_Json).decode
        at = self._clock.of_session
        severity = SEVERITIES.get
        for line in self._raw_lines():
            try:
                one = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                try:
                    one = decode(_text(line).encode())
                except msgspec.DecodeError:
                    self.gaps += 1 if line.strip() else 0
                    continue
            host = one.remote_host
            yield LogRecord(
                at(one.timestamp, one.session_start, one.session_id),
                one.session_id,
                one.pid,
                one.user,
                one.dbname,
                one.application_name,
                "" if host == "[local]" else host,
                severity(one.error_severity, one.error_severity),
                one.state_code,
                one.message,
                one.detail,
                one.statement,
                one.backend_type,
                one.ps,
            )

    def _csv(self) -> Iterator[LogRecord]:
        csv.field_size_limit(_LONGEST * 2)
        severity = SEVERITIES.get
        for row in self._csv_rows():
            if len(row) not in _CSV_WIDTHS or not row[3].isdigit():
                self.gaps += 1
                continue
            host = row[4].rpartition(":")[0]
            yield LogRecord(
                self._clock.of_session(row[0], row[8], row[5]),
                row[5],
                int(row[3]),
                row[1],
                row[2],
                row[22],
                host,
                severity(row[11], row[11]),
                row[12],
                row[13],
                row[14],
                row[19],
                row[23] if len(row) > 23 else "",
                row[7],
            )

    def _csv_rows(self) -> Iterator[list[str]]:
        """Rows of lines whose quotes are closed; a cut row does not swallow those that follow it."""
        held: list[bytes] = []
        size = 0
        is_open = False
        for line in self._raw_lines():
            if is_open and _CSV_START.match(line) and line.count(b'"') % 2 == 0:
                row = _row(line)
                if len(row) in _CSV_WIDTHS and row[3].isdigit():
                    self.gaps += 1
                    held, size, is_open = [], 0, False
                    yield row
                    continue
            is_open ^= bool(line.count(b'"') % 2)
            size += len(line)
            if size <= _LONGEST:
                held.append(line)
            if not is_open:
                if size > _LONGEST:
                    self.gaps += 1
                elif held[0].strip():
                    yield _row(b"".join(held))
                held, size = [], 0
        if held and self._grows:
            self.unfinished = True
            self.position -= size
        elif held:
            self.gaps += 1

    def _audit(self) -> Iterator[LogRecord]:
        for line in self._raw_lines():
            # what follows the first line of a record is a statement or a context: nobody reads it
            if line.startswith(b"{") or audit_file.START.match(line):
                fields = audit_file.fields_of(line, self._clock)
                if fields is None:
                    self.gaps += 1
                else:
                    yield LogRecord(severity="LOG", detail="", statement="", backend_type="", **fields)

    def _stderr(self) -> Iterator[LogRecord]:
        prefix = self._prefix
        if prefix is None:
            return
        message: list[str] = []
        fields: dict[str, str] = {}
        size = 0
        going_on = self._start > 0
        for line in self._raw_lines():
            text = _text(line).rstrip("\r\n")
            if text.startswith("\t") and (message or going_on):
                size += len(text)
                if size <= _LONGEST:
                    message += [text[1:]] if message else []
                continue
            going_on = False
            if message:
                self._held = len(line)
                yield self._of_prefix(fields, message)
                self._held = 0
            found = prefix.match(text)
            if found is None:
                self.gaps += 1 if text.strip() else 0
                message = []
                continue
            fields, first = found
            message, size = [first], len(first)
        if message:
            yield self._of_prefix(fields, message)

    def _of_prefix(self, fields: dict[str, str], message: list[str]) -> LogRecord:
        session = fields.get("session", "")
        host = fields.get("host", "")
        return LogRecord(
            self._clock.of_prefix(fields),
            session,
            int(fields.get("pid", "0") or 0) or _pid(session),
            _known(fields.get("role", "")),
            _known(fields.get("database", "")),
            _known(fields.get("application", "")),
            "" if host == "[local]" else host,
            fields["severity"],
            fields.get("sqlstate", ""),
            "\n".join(message),
            "",
            "",
            fields.get("backend_type", ""),
        )


_CSV_COMMAS = 20


class _Json(msgspec.Struct):
    timestamp: str = ""
    user: str = ""
    dbname: str = ""
    pid: int = 0
    remote_host: str = ""
    session_id: str = ""
    session_start: str = ""
    error_severity: str = ""
    state_code: str = ""
    message: str = ""
    detail: str = ""
    statement: str = ""
    application_name: str = ""
    backend_type: str = ""
    ps: str = ""


def read_log(
    paths: list[Path | None], *, prefix: str | None = None, timezone: str = ""
) -> Iterator[LogRecord]:
    """The records of several files, one file after the other as given; None stands for stdin.

    Raises `InputError` when one of them is no server log.
    """
    for path in paths:
        yield from LogFile(path, prefix=prefix, timezone=timezone)


def first_line(path: Path) -> bytes:
    """The first line of a log, compressed or not.

    Raises `InputError` for a file that cannot be read.
    """
    file, _ = _opened(path, 0)
    with contextlib.closing(file):
        try:
            return file.readline(_LONGEST)
        except (EOFError, lzma.LZMAError, OSError):
            return b""


def _opened(path: Path | None, start: int) -> tuple[BinaryIO, bool]:
    """The file from there on, unpacked, and whether it may still grow."""
    if path is None:
        return sys.stdin.buffer, False
    try:
        with path.open("rb") as file:
            head = file.read(6)
        for magic, opener in _OPENERS.items():
            if head.startswith(magic):
                unpacked = cast("BinaryIO", opener(path))
                _pass_over(unpacked, start)
                return unpacked, False
        opened = path.open("rb", buffering=1 << 20)
        opened.seek(start)
    except OSError as error:
        msg = f"{path}: the log cannot be read: {error.strerror}"
        raise InputError(msg) from None
    return opened, True


def _pass_over(file: BinaryIO, size: int) -> None:
    while size > 0:
        size -= len(file.read(min(size, 1 << 20)) or b" " * size)


def _row(content: bytes) -> list[str]:
    text = _text(content)
    # a row of one line, as most are, needs nobody to part it into lines
    is_one = "\r" not in text and text.find("\n") in (-1, len(text) - 1)
    return next(csv.reader((text,) if is_one else io.StringIO(text, newline="")), [])


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _pid(session: str) -> int:
    try:
        return int(session.rpartition(".")[2], 16)
    except ValueError:
        return 0


def _known(name: str) -> str:
    return "" if name == "[unknown]" else name
