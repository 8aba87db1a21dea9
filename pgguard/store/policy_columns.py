"""The `[[column]]` entries of pgguard.toml, edited line by line.

A policy is a file that people write: what is not the detector's own entry keeps its bytes and its place.
So the text is edited, not written anew, and what comes out is parsed and compared with what was meant
before it takes the file's place.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import tomllib
from typing import TYPE_CHECKING, Any

from pgguard.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pgguard.model.policy import ColumnEntry

_HEADER = re.compile(r"\s*\[")
_COLUMN = re.compile(r"""\s*\[\[\s*(?:column|"column"|'column')\s*\]\]\s*(?:#.*)?$""")
_KEY = re.compile(r"\s*(name|category|decided_by|database|score)\s*=")


def edited(
    text: str,
    *,
    add: Iterable[ColumnEntry] = (),
    replace: Mapping[int, ColumnEntry] | None = None,
    remove: Iterable[int] = (),
) -> str:
    """The text with entries added at its end, and the entries of those positions replaced or removed.

    Positions count the `[[column]]` entries from 0, as `Policy.column` has them. Comments stay.
    Raises `PolicyError` when the file is written in a form that cannot be edited without touching
    anything else (an inline array, a text over several lines); the text is then to be edited by hand.
    """
    added, replaced, removed = list(add), dict(replace or {}), set(remove)
    if not (added or replaced or removed):
        return text
    ending = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    blocks = _blocks(lines)
    before = tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    wanted = [
        _values(replaced[number]) if number in replaced else one
        for number, one in enumerate(before.get("column", []))
        if number not in removed
    ] + [_values(one) for one in added]
    result = "".join(
        line for block, part in blocks for line in _written(part, block, replaced, removed, ending)
    )
    if added:
        if result and not result.endswith("\n"):
            result += ending
        for entry in added:
            result += (ending if result else "") + "[[column]]" + ending + "".join(_entry(entry, ending))
    if not _means(result, {**before, "column": wanted}):
        msg = (
            "the [[column]] entries are written in a form that cannot be edited without touching the rest "
            "of the file: write each as a [[column]] table with one key a line"
        )
        raise PolicyError(msg)
    return result


def save(path: Path, text: str) -> None:
    """Put the text in the file's place in one step; a new file is for its owner's eyes only.

    Raises `PolicyError` when the file cannot be written.
    """
    path = path.resolve()
    try:
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o600
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        msg = f"{path}: the policy cannot be written: {error.strerror}"
        raise PolicyError(msg) from None


def _blocks(lines: list[str]) -> list[tuple[int | None, list[str]]]:
    """The lines in runs: the position of the entry that a run is, or None for everything else."""
    found: list[tuple[int | None, list[str]]] = [(None, [])]
    count = 0
    for line in lines:
        if _COLUMN.match(line):
            found.append((count, [line]))
            count += 1
        elif _HEADER.match(line):
            found.append((None, [line]))
        else:
            found[-1][1].append(line)
    return found


def _written(
    lines: list[str],
    position: int | None,
    replaced: Mapping[int, ColumnEntry],
    removed: set[int],
    ending: str,
) -> list[str]:
    if position in removed:
        kept = [line for line in lines[1:] if not _KEY.match(line)]
        # the blank line that parted the entry from the next goes with it; a comment stays
        return kept if any(line.strip() for line in kept) else []
    if position is not None and position in replaced:
        keys = [number for number, line in enumerate(lines) if _KEY.match(line)]
        last = keys[-1] if keys else 0
        rest = [line for line in lines[1 : last + 1] if not _KEY.match(line)]
        return [lines[0], *_entry(replaced[position], ending), *rest, *lines[last + 1 :]]
    return lines


def _entry(entry: ColumnEntry, ending: str) -> list[str]:
    return [f"{key} = {_toml(value)}{ending}" for key, value in _values(entry).items()]


def _values(entry: ColumnEntry) -> dict[str, Any]:
    values: dict[str, Any] = {"name": entry.name, "category": entry.category}
    if entry.database:
        values["database"] = entry.database
    values["decided_by"] = entry.decided_by
    if entry.score is not None:
        values["score"] = entry.score
    return values


def _toml(value: str | float) -> str:
    # a JSON string is a basic string of TOML, but for DEL, which JSON lets stand
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _means(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n")) == {
            key: value for key, value in wanted.items() if key != "column" or value
        }
    except tomllib.TOMLDecodeError:
        return False
