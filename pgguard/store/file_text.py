"""Exports that are texts: SQL dumps, rows with and without a header, JSON. What their columns are called,
and never a value."""

from __future__ import annotations

import codecs
import csv
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_DUMP = re.compile(
    r"^-- (?:PostgreSQL database (?:cluster )?dump|MySQL dump|MariaDB dump)|\APRAGMA foreign_keys=OFF;",
    re.MULTILINE,
)
_NAME = r'(?:"(?:[^"]|"")+"|`[^`]+`|[\w$]+)'
_LIST = r"\([^()]{1,20000}\)"
# a program's own statement has parameters where a dump has values
_ROWS = re.compile(
    rf"^[ \t]*+(?:COPY|(?:INSERT|REPLACE)[ \t]++INTO)\s++({_NAME}(?:\.{_NAME}){{0,2}})\s*+({_LIST})?\s*+"
    r"(?:FROM\s++stdin\b|(?:OVERRIDING\s++\w++\s++VALUE\s++)?VALUES\s*+\(\s*+"
    r"(?:[EN]?'|[-+]?\d|NULL|TRUE|FALSE|DEFAULT))",
    re.MULTILINE | re.IGNORECASE,
)
_PASSWORD = re.compile(r"\bPASSWORD\s+'", re.IGNORECASE)
_DELIMITERS = "\t;,|"
_COLUMN = re.compile(r"[^\W\d][\w .,:()\[\]/#%&+?°'-]{0,62}")
_SEPARATOR = re.compile(r'"?sep=."?')
_VALUE = re.compile(r"[\d\s.,:/+-]*\d[\d\s.,:/+-]*")
_ROW_SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".copy")
_KEY = re.compile(r'"([^"\\\n]{1,63})"\s*:')
_MOST_COLUMNS = 2000
# csv takes no longer field
_LONGEST = 100_000


class Text(NamedTuple):
    """What a text is: its format in words, the names of its columns, and the table that they are of.

    Without columns it is a whole dump (`dump`), or rows of which nobody can tell what they hold. Where the
    names are not `sure` they may be the values of a first row.
    """

    words: str
    dump: bool
    columns: tuple[str, ...] = ()
    table: str = ""
    sure: bool = True


def text_kind(head: bytes, name: str, more: Callable[[], bytes], *, cut: bool) -> Text | None:
    """What the beginning of a file says; `more` reads on where it is cut (`cut`) in a dump."""
    text = _decoded(head)
    if not text.strip():
        return None
    if _DUMP.search(text[:2048]):
        return _dump(text, more, cut=cut)
    if found := _ROWS.search(text):
        return _statements(text, found)
    return _json(text) or _rows(text, name, cut=cut)


def _decoded(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "ignore")
    if head[1:2] == b"\0" and head[3:4] == b"\0":
        return head.decode("utf-16-le", "ignore")
    # a hole in a file reads as zeros
    head = head.removeprefix(codecs.BOM_UTF8).partition(b"\0")[0]
    try:
        # what was cut may end within a character
        return codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return head.decode("cp1252", "replace")


def _dump(text: str, more: Callable[[], bytes], *, cut: bool) -> Text | None:
    if _ROWS.search(text):
        return Text("SQL dump", dump=True)
    rest = _decoded(more()) if cut else ""
    if _ROWS.search(rest):
        return Text("SQL dump", dump=True)
    if _PASSWORD.search(text) or _PASSWORD.search(rest):
        return Text("SQL dump of roles with their passwords", dump=True)
    # definitions alone tell nothing of anybody
    return None


def _statements(text: str, found: re.Match[str]) -> Text:
    columns: dict[str, None] = {}
    for one in _ROWS.finditer(text):
        if one[2]:
            columns.update(dict.fromkeys(re.findall(_NAME, one[2])))
    names = tuple(name.strip('"`') for name in columns)[:_MOST_COLUMNS]
    return Text("SQL with rows", dump=False, columns=names, table=found[1].rpartition(".")[2].strip('"`'))


def _json(text: str) -> Text | None:
    start = text.lstrip().removeprefix("[").lstrip()
    if not start.startswith("{"):
        return None
    # a long document ends within the part that was read, so that no parser would take it
    names = tuple(dict.fromkeys(_KEY.findall(start)))[:_MOST_COLUMNS]
    return Text("JSON", dump=False, columns=names) if names else None


def _rows(text: str, name: str, *, cut: bool) -> Text | None:
    lines = text.splitlines()
    if cut and len(lines) > 1:
        # the last one goes on
        lines.pop()
    # Excel is told the delimiter in a line of its own
    lines = [line for line in lines[:21] if line.strip() and not _SEPARATOR.fullmatch(line)]
    if not lines or len(lines[0]) > _LONGEST:
        return None
    named = name.lower().endswith(_ROW_SUFFIXES)
    for delimiter in _DELIMITERS:
        try:
            rows = list(csv.reader(lines, delimiter=delimiter))
        except csv.Error:
            continue
        width = len(rows[0])
        # a value in quotes may go on behind the last line
        even = all(len(row) == width for row in (rows[:-1] if len(rows) > 2 else rows))
        # prose and programs have commas too
        few = len(rows) < (3 if delimiter == "," else 2)
        if width < 2 or not ((named and (even or _is_header(rows[0]))) or (even and not few)):
            continue
        words = "TSV" if delimiter == "\t" else "CSV"
        if _is_header(rows[0]):
            if len(rows) == 1 and not cut:
                # a header without a row tells nothing of anybody
                return None
            names = tuple(one.strip() for one in rows[0] if one.strip())[:_MOST_COLUMNS]
            many = named or (width >= 3 and len(rows) >= 5)
            return Text(words, dump=False, columns=names, sure=not many or _stands_out(rows))
        if named or (width >= 3 and len(rows) >= 5):
            return Text(f"{words} of {width} columns without a header", dump=False)
    single = lines[0].strip().strip('"')
    if len(lines) > 1 and name.lower().endswith((".csv", ".tsv")) and _COLUMN.fullmatch(single):
        return Text("CSV", dump=False, columns=(single,))
    return None


def _is_header(row: list[str]) -> bool:
    # most columns have a name, and no name is a number or a date
    names = [one.strip() for one in row]
    named = [one for one in names if one]
    return len(named) * 2 >= len(names) and all(_COLUMN.fullmatch(one) for one in named)


def _stands_out(rows: list[list[str]]) -> bool:
    # under a name stand numbers or dates, which no name is
    return any(
        all(_VALUE.fullmatch(one) for one in column if one) and any(column)
        for column in zip(*rows[1:], strict=False)
    )
