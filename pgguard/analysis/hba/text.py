"""The text of pg_hba.conf and pg_ident.conf as the server cuts it: lines, fields, words, each with its place.

A line that ends with a backslash goes on in the next one from PostgreSQL 14, comments too. Blanks end a
field and commas a word, unless they are quoted; a quote is doubled to stand for itself; # begins a
comment (manual, 20.1 The pg_hba.conf File).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANKS = " \t\r"
CONTINUED_FROM = 14


class Token(NamedTuple):
    """One word: its text without quotes, whether it begins with one, and its place in the file's text."""

    text: str
    quoted: bool
    start: int
    end: int

    @property
    def includes(self) -> bool:
        """Whether it stands for the words of another file."""
        return not self.quoted and len(self.text) > 1 and self.text.startswith("@")


class Line(NamedTuple):
    """One line as the server counts them: `number` is that of its first line in the file, from 1.

    `start` and `end` are its place in the text, with the line end; `height` the lines of the file that it
    goes over. Without fields it is empty or a comment.
    """

    number: int
    start: int
    end: int
    height: int
    fields: tuple[tuple[Token, ...], ...]

    def span(self, field: int) -> tuple[int, int]:
        """The place of a field, from its first word to its last."""
        words = self.fields[field]
        return words[0].start, words[-1].end


def lines(text: str, major: int) -> Iterator[Line]:
    """The lines of a file as a server of this version reads it, with the empty ones."""
    number = 1
    at = 0
    while at < len(text):
        start, count = at, 0
        shown: list[str] = []
        places: list[int] = []
        more = True
        while more:
            end = text.find("\n", at) + 1 or len(text)
            piece = text[at:end].rstrip("\r\n")
            more = major >= CONTINUED_FROM and piece.endswith("\\")
            piece = piece[:-1] if more else piece
            shown.append(piece)
            places.extend(range(at, at + len(piece)))
            at, count = end, count + 1
            more = more and at < len(text)
        joined = "".join(shown)
        yield Line(number, start, at, count, tuple(_fields(joined, places)))
        number += count


def _fields(joined: str, places: list[int]) -> Iterator[tuple[Token, ...]]:
    at = 0
    while at < len(joined):
        words: list[Token] = []
        more = True
        while more:
            token, at, more = _token(joined, at, places)
            if token is not None:
                words.append(token)
        if words:
            yield tuple(words)


def _token(joined: str, at: int, places: list[int]) -> tuple[Token | None, int, bool]:
    """The next word, where to go on, and whether a comma says that the field does."""
    end = len(joined)
    while at < end and joined[at] in _BLANKS + ",":
        at += 1
    first = last = at
    kept: list[str] = []
    quoting = was_quote = saw_quote = initial = comma = False
    while at < end and (quoting or joined[at] not in _BLANKS):
        char = joined[at]
        if char == "#" and not quoting:
            at = end
            break
        if char == "," and not quoting:
            comma = True
            at += 1
            break
        if char != '"' or was_quote:
            kept.append(char)
        was_quote = quoting and char == '"' and not was_quote
        if char == '"':
            quoting = not quoting
            saw_quote = True
            initial = initial or not kept
        at += 1
        last = at
    if not (saw_quote or kept):
        return None, at, False
    return Token("".join(kept), initial, places[first], places[last - 1] + 1), at, comma
