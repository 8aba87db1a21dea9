"""In which line of a TOML text each of its values stands, which tomllib does not tell.

The text is one that tomllib has taken, so that only what parts values from each other need be known here:
strings, comments, brackets (TOML 1.0).
"""

from __future__ import annotations

import bisect
import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# keys and positions in lists, from the outermost in
Place = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})' r"|'''.*?'''(?:'{0,2})" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'", re.DOTALL
)
_OTHER = re.compile(r"[^,\]}#\r\n]+")


def lines(text: str) -> Mapping[Place, int]:
    """The line, counted from 1, of every key, table and member of a list of a valid TOML text."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.found


def nearest(known: Mapping[Place, int], place: Place) -> int:
    """The line of a place, or of the innermost thing around it that has one; 1 without any."""
    while place:
        if place in known:
            return known[place]
        place = place[:-1]
    return 1


class _Scanner:
    """One walk through a text; `found` fills on the way."""

    def __init__(self, text: str) -> None:
        self.found: dict[Place, int] = {}
        self._text = text
        self._at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        # of each array of tables the number of its last member
        self._last: dict[Place, int] = {}

    def document(self) -> None:
        """Walk through all of it."""
        table: Place = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> Place:
        start = self._at
        is_array = self._text.startswith("[[", start)
        self._at += 2 if is_array else 1
        names = self._key()
        self._at += 2 if is_array else 1
        table: Place = ()
        for number, name in enumerate(names, 1):
            table = (*table, name)
            self._note(table, start)
            if is_array and number == len(names):
                self._last[table] = self._last.get(table, -1) + 1
            if table in self._last:
                table = (*table, self._last[table])
        self._note(table, start)
        return table

    def _pair(self, table: Place) -> None:
        start = self._at
        for name in self._key():
            table = (*table, name)
            self._note(table, start)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(table)

    def _key(self) -> list[str]:
        names: list[str] = []
        while True:
            self._skip(_SPACE)
            if self._text[self._at] in "\"'":
                names.append(tomllib.loads(f"key = {self._take(_STRING)}")["key"])
            else:
                names.append(self._take(_BARE_KEY))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return names
            self._at += 1

    def _value(self, place: Place) -> None:
        self._note(place, self._at)
        first = self._text[self._at]
        if first == "[":
            self._members(place)
        elif first == "{":
            self._inline_table(place)
        else:
            self._take(_STRING if first in "\"'" else _OTHER)

    def _members(self, place: Place) -> None:
        number = 0
        self._at += 1
        self._skip(_BLANK)
        while self._text[self._at] != "]":
            self._value((*place, number))
            number += 1
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_BLANK)
        self._at += 1

    def _inline_table(self, place: Place) -> None:
        self._at += 1
        self._skip(_BLANK)
        while self._text[self._at] != "}":
            self._pair(place)
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_BLANK)
        self._at += 1

    def _note(self, place: Place, at: int) -> None:
        self.found.setdefault(place, bisect.bisect_left(self._ends, at) + 1)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            msg = f"this is not what tomllib takes, at character {self._at}"
            raise ValueError(msg)
        self._at = match.end()
        return match[0]
