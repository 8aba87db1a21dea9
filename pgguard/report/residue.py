"""The outcome of a search for clear values, for a terminal and as JSON: counts and places, never a value."""

from __future__ import annotations

import json
import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING

from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.residue import Found, Kind, Residue, Sought

_WIDTH = 110
_MOST_FILES = 12
_HEADINGS: dict[Kind, str] = {
    "table": "the encrypted table's own files",
    "toast": "its TOAST tables",
    "index": "its indexes",
    "left-over": "files of no relation",
    "statistics": "the planner's statistics",
    "statements": "tracked statements",
    "sessions": "sessions",
    "wal": "WAL in pg_wal",
    "replication": "replication's files",
    "temporary": "temporary files",
    "log": "the server's log",
    "copy": "other relations of this database",
    "other-database": "other databases",
    "other-file": "other files of the data directory",
}


def as_json(found: Residue) -> str:
    """The whole outcome."""
    return json.dumps(
        {
            "target": found.target,
            "database": found.database,
            "server_version": found.server_version,
            "searched_at": found.searched_at,
            "verdict": _verdict(found),
            "sought": [one._asdict() for one in found.sought],
            "found": [
                {
                    **one._asdict(),
                    "values": dict(one.values),
                    "offsets": dict(one.offsets),
                    "blocks": list(one.blocks),
                }
                for one in found.found
            ],
            "unsearched": [one._asdict() for one in found.unsearched],
            "elsewhere": [one._asdict() for one in found.elsewhere],
            "files": {
                "read_by": found.how,
                "count": found.files,
                "bytes": found.bytes,
                "seconds": round(found.seconds, 3),
            },
        },
        indent=2,
    )


def as_text(found: Residue, width: int | None) -> str:
    """The same for people, wrapped to the terminal."""
    lines = [
        f"clear values of encrypted columns on {visible(found.target)}, database {visible(found.database)} "
        f"(PostgreSQL {visible(found.server_version)}), {found.searched_at}",
        "",
        " LOOKED FOR",
        *_sought(found.sought),
    ]
    if found.found:
        lines += ["", " FOUND", *_found(found.found)]
    if found.unsearched:
        lines += ["", " NOT SEARCHED"]
        lines += [f"{visible(one.what)}: {visible(one.why)}" for one in found.unsearched]
    lines += ["", " BEYOND THIS SEARCH"]
    lines += [f"{visible(one.what)}: {visible(one.until)}" for one in found.elsewhere]
    lines += ["", _last(found)]
    return "\n".join(_wrapped(lines, width or _WIDTH)) + "\n"


def _wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    for line in lines:
        if len(line) <= width:
            yield line
        else:
            indent = "      " if line.startswith("  ") else "    "
            yield from textwrap.wrap(
                line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )


def _sought(sought: Sequence[Sought]) -> Iterator[str]:
    rows = [(visible(one.column), _told(one)) for one in sought]
    widest = max((len(name) for name, _ in rows), default=0)
    for name, told in rows:
        yield f"  {name:<{widest}}  {told}"


def _told(one: Sought) -> str:
    parts = []
    if one.searched:
        parts.append(f"{plural(one.searched, 'value')}")
    if one.short:
        parts.append(f"{one.short} left out: shorter than 6 bytes")
    if one.weak:
        parts.append(f"{one.weak} left out: their binary form would be met by chance")
    if one.reason:
        parts.append(f"cannot be told: {visible(one.reason)}")
    return "; ".join(parts) or "cannot be told: every value was left out"


def _found(found: Sequence[Found]) -> Iterator[str]:
    groups: dict[Kind, list[Found]] = defaultdict(list)
    for one in found:
        groups[one.kind].append(one)
    for kind in _HEADINGS:
        if kind not in groups:
            continue
        yield f"{_HEADINGS[kind]}; until: {groups[kind][0].until}"
        for one in groups[kind][:_MOST_FILES]:
            yield f"  {_line(one)}"
        if len(groups[kind]) > _MOST_FILES:
            yield f"  and {plural(len(groups[kind]) - _MOST_FILES, 'file')} more (--format json lists all)"


def _line(one: Found) -> str:
    where = " ".join(part for part in (visible(one.name), visible(one.file)) if part)
    values = ", ".join(f"{plural(count, 'value')} of {visible(column)}" for column, count in one.values)
    parts = [f"{values}, {plural(one.times, 'time')}"]
    if one.offsets:
        parts.append(", ".join(f"{count} in {_part(part)}" for part, count in one.offsets))
    if one.blocks:
        more = " ..." if one.times > len(one.blocks) else ""
        parts.append(f"blocks {', '.join(map(str, one.blocks))}{more}")
    return f"{where}: {'; '.join(parts)}"


def _part(part: str) -> str:
    return "compressed values" if part == "compressed" else f"{part}s" if part.endswith("row") else part


def _verdict(found: Residue) -> str:
    return {0: "nothing found", 1: "found"}.get(found.exit_code, "nothing found, and not everything searched")


def _last(found: Residue) -> str:
    if found.how:
        speed = found.bytes / 1e6 / found.seconds if found.seconds else 0
        read = (
            f"{plural(found.files, 'file')}, {found.bytes / 1e6:,.0f} MB in {found.seconds:,.1f} s "
            f"({speed:,.0f} MB/s) through {found.how}"
        )
    else:
        read = "no file was searched"
    match found.exit_code:
        case 1:
            places = plural(len(found.found), "place")
            return f"clear values found in {places}; {read}"
        case 0:
            return f"none of these values was found; {read}"
    return f"nothing was found where it was searched, and that was not everywhere: no all-clear; {read}"
