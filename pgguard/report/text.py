"""Text for people: what comes from a database is made visible before it reaches a terminal."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from pgguard.model.quote import ident

if TYPE_CHECKING:
    from pgguard.model.finding import Change, Finding

# control characters, formats (bidirectional marks, zero-width ones), surrogates, line separators
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def visible(text: str) -> str:
    """The text on one line, with every character that a terminal would act on or hide spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        one if unicodedata.category(one) not in _HIDDEN else one.encode("unicode_escape").decode("ascii")
        for one in text
    )


def plural(count: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def statement(change: Change, finding: Finding) -> str:
    """The SQL of a change, with the database where it has to run unless the finding's subject tells it."""
    where = change.database
    if where is None or where == finding.subject.database or change.sql.startswith("--"):
        return change.sql
    return f"{change.sql} -- in database {visible(ident(where))}"
