"""Entries of the audit with the field names of the Elastic Common Schema (ECS 8.11), and as lines of CSV.

What ECS has no name for is below `pgguard`: the row's key, the patient, what changed. The same names, with
dots, are the headings of the CSV.
"""

from __future__ import annotations

import base64
import csv
import io
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator

    from pgguard.model.audit_entry import ColumnChange, Entry

ECS_VERSION = "8.11.0"
# what a cell of a spreadsheet must not begin with, or it is computed (OWASP, CSV injection)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
HEADINGS = (
    "@timestamp",
    "event.id",
    "event.action",
    "event.start",
    "user.name",
    "user.effective.name",
    "source.ip",
    "process.pid",
    "pgguard.authenticated",
    "pgguard.claimed",
    "pgguard.application",
    "pgguard.transaction",
    "pgguard.database",
    "pgguard.relation",
    "pgguard.object",
    "pgguard.key",
    "pgguard.subject",
    "pgguard.subject_before",
    "pgguard.erased",
    "pgguard.columns",
)


def document(entry: Entry, database: str, encoding: str = "UTF8") -> dict[str, Any]:
    """The entry as an ECS document; fields that say nothing are left out. `encoding` is the database's."""
    people = dict.fromkeys(one for one in (entry.login, entry.role, claimant(entry)[0]) if one)
    own = {
        "authenticated": entry.authenticated,
        "claimed": entry.claimed,
        "application": entry.application,
        "transaction": entry.xid,
        "backend_start": moment(entry.backend_start) if entry.backend_start else "",
        "database": database,
        "relation": entry.relation,
        "object": entry.object,
        "key": entry.key,
        "subject": entry.subject,
        "subject_before": entry.subject_before,
        "erased": entry.erased,
        "columns": [_column(one) for one in entry.changes],
        "before": [one or "" for one in entry.old] if entry.shape is None else [],
        "after": [one or "" for one in entry.new] if entry.shape is None else [],
    }
    # one byte alone tells that there is something, and not what
    if len(entry.sealed) > 1 and entry.shape is not None:
        own["sealed"] = {
            "columns": list(entry.shape.sealed),
            "value": base64.b64encode(entry.sealed).decode("ascii"),
            "wrapped_key": base64.b64encode(entry.wrapped).decode("ascii"),
            "encoding": encoding,
        }
    categories, types = _categories(entry)
    whole: dict[str, Any] = {
        "@timestamp": moment(entry.at),
        "ecs": {"version": ECS_VERSION},
        "event": {
            "id": str(entry.id),
            "kind": "event",
            "category": categories,
            "type": types,
            "action": entry.verb.lower(),
            "outcome": "success",
            "module": "pgguard",
            "dataset": "pgguard.audit",
            "start": moment(entry.began),
        },
        "user": {"name": entry.login, **({"effective": {"name": entry.role}} if entry.role else {})},
        "process": {"pid": entry.pid},
        "related": {"user": list(people)},
        "pgguard": {name: one for name, one in own.items() if one not in ("", [], False)},
    }
    if entry.client:
        whole["source"] = {"ip": entry.client}
        whole["related"]["ip"] = [entry.client]
    return whole


def json_lines(entries: Iterable[Entry], database: str, encoding: str = "UTF8") -> Iterator[bytes]:
    """One ECS document a line."""
    encoder = msgspec.json.Encoder()
    for one in entries:
        yield encoder.encode(document(one, database, encoding)) + b"\n"


def csv_lines(entries: Iterable[Entry], database: str, _encoding: str = "UTF8") -> Iterator[bytes]:
    """A heading, and one line an entry (RFC 4180), the columns that changed as JSON in the last field.

    A field that a spreadsheet would compute has an apostrophe before it.
    """
    yield _line(HEADINGS)
    for one in entries:
        flat = _flat(document(one, database))
        yield _line([_cell(flat.get(name, "")) for name in HEADINGS])


def moment(at: datetime.datetime) -> str:
    """A time in UTC, to the microsecond (RFC 3339)."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def claimant(entry: Entry) -> tuple[str, bool]:
    """The end user that the program claimed, and whether a key of the login vouches for it."""
    unsigned = entry.claimed.startswith("unsigned: ")
    return entry.claimed.removeprefix("unsigned: "), bool(entry.claimed) and not unsigned


def _column(change: ColumnChange) -> dict[str, str]:
    known = {"name": change.name, "recorded": change.recorded, "before": change.before, "after": change.after}
    return {name: one for name, one in known.items() if one is not None}


def _categories(entry: Entry) -> tuple[list[str], list[str]]:
    # the allowed values of event.category and event.type that go together
    if entry.shape is not None:
        return ["database"], ["change"]
    first = entry.verb.partition(" ")[0]
    kind = {"CREATE": "creation", "DROP": "deletion"}.get(first, "change")
    if first in ("GRANT", "REVOKE"):
        return ["database", "iam"], ["change", "admin"]
    return ["configuration"], [kind]


def _flat(document: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in document.items():
        if isinstance(one, dict):
            found |= _flat(one, f"{above}{name}.")
        else:
            found[above + name] = one
    return found


def _cell(value: object) -> str:
    if isinstance(value, list):
        return msgspec.json.encode(value).decode("utf-8") if value else ""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Iterable[str]) -> bytes:
    made = io.StringIO()
    csv.writer(made, lineterminator="\r\n").writerow(cells)
    return made.getvalue().encode("utf-8")
