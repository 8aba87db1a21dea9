"""The files of pgauditlogtofile, which keeps pgaudit's lines out of the server's log.

Version 1.5 writes lines like those of csvlog, without the severity and with pgaudit's fields in the place of
the message; what follows those (a context, which holds statements) is not quoted. Only the first line of a
record is read, and of that what stands before the statement. Later ones can write JSON. Tried with 1.5.11;
the JSON by its source (fmbiete/pgauditlogtofile).
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

import msgspec

from pgguard.observe.clock import of_session_id

if TYPE_CHECKING:
    from pgguard.observe.clock import Clock

START = re.compile(rb'"?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3,9} [^,]{1,30},')
_JSON = b'{"log.source":"pgauditlogtofile"'
_SQLSTATE = re.compile(r"(?=.*\d)[0-9A-Z]{5}\Z")
_AUDITED = ("SESSION", "OBJECT")
# time, user, database, pid, client, session, line, command, session's start, vxid, xid, SQLSTATE
_BEFORE = 12
_AUDIT_FIELDS = 9
# detail, hint, internal query and its place, context, query and its place, function, application
_AFTER = 9


def is_ours(line: bytes) -> bool:
    """Whether a line is one of such a file."""
    if line.startswith(_JSON):
        return True
    if not START.match(line):
        return False
    row = _row(line)
    # in csvlog this is the severity
    return len(row) > _BEFORE and _SQLSTATE.match(row[_BEFORE - 1]) is not None


def fields_of(line: bytes, clock: Clock) -> dict[str, Any] | None:
    """The fields of a `LogRecord` by name; None for a line that is no whole record's beginning."""
    return _of_json(line, clock) if line.startswith(b"{") else _of_csv(line, clock)


def _of_csv(line: bytes, clock: Clock) -> dict[str, Any] | None:
    row = _row(line)
    if len(row) <= _BEFORE or not row[3].isdigit() or not _SQLSTATE.match(row[_BEFORE - 1]):
        return None
    rest = row[_BEFORE:]
    at = clock.of_session(row[0], row[8], row[5])
    if rest[0] in _AUDITED:
        if len(rest) < 7 or not rest[1].isdigit():
            return None
        # log_rows adds a field behind the parameters
        has_rows = len(rest) > _AUDIT_FIELDS and rest[_AUDIT_FIELDS].isdigit()
        whole = _AUDIT_FIELDS + has_rows + _AFTER
        application = ",".join(rest[whole - 1 :]) if len(rest) >= whole else ""
        message = _message(rest[:7], rest[_AUDIT_FIELDS] if has_rows else "")
    else:
        application, message = (rest[_AFTER] if len(rest) == _AFTER + 1 else ""), rest[0]
    return {
        "at": at,
        "session": row[5],
        "pid": int(row[3]),
        "role": row[1],
        "database": row[2],
        "application": application,
        "address": _address(row[4]),
        "sqlstate": row[11],
        "message": message,
        "command": row[7],
    }


def _of_json(line: bytes, clock: Clock) -> dict[str, Any] | None:
    try:
        one = msgspec.json.decode(line, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    told = one.get
    audit = [
        told(f"custom.{name}", "")
        for name in (
            "audit_type",
            "statement_id",
            "substatement_id",
            "class",
            "command",
            "object_type",
            "object_name",
        )
    ]
    session = told("custom.session_id", "")
    pid = told("custom.process_id", "")
    if not session or not pid.isdigit():
        return None
    address = told("net.peer.name", "")
    return {
        "at": clock.of_prefix({"time": _to_the_second(told("timestamp", ""))}) or of_session_id(session),
        "session": session,
        "pid": int(pid),
        "role": told("db.user", ""),
        "database": told("db.name", ""),
        "application": told("custom.application_name", ""),
        "address": "" if address == "[local]" else address,
        "sqlstate": told("custom.state_code", ""),
        "message": _message(audit, "") if audit[0] in _AUDITED else told("content", ""),
        "command": told("custom.command_tag", ""),
    }


def _message(audit: list[str], rows: str) -> str:
    """As pgaudit itself would write it to the log without the statement."""
    quoted = [f'"{one.replace(chr(34), chr(34) * 2)}"' if "," in one or '"' in one else one for one in audit]
    return "AUDIT: " + ",".join([*quoted, "<not logged>", "<not logged>", *([rows] if rows else [])])


def _to_the_second(written: str) -> str:
    moment, _, zone = written.rpartition(" ")
    return f"{moment[:19]} {zone}"


def _address(client: str) -> str:
    return "" if client == "[local]" else client.rpartition(":")[0] or client


def _row(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8", "replace").rstrip("\r\n")], strict=False), [])
