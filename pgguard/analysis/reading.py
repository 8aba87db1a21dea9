"""How much of the stored SQL could be read: what was not is said, so that silence means something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.bodies import unparsed, unread_languages
from pgguard.analysis.names import function_name, shorten
from pgguard.analysis.places import place
from pgguard.errors import Unread

if TYPE_CHECKING:
    import re
    from collections.abc import Collection

    from pgguard.model.snapshot import DatabaseSnapshot


def complete(
    database: DatabaseSnapshot, words: Collection[str], pattern: re.Pattern[str] | None = None
) -> None:
    """Returns when every text that holds one of the words was parsed, and all functions can be read.

    With a `pattern` only what it finds something in, in lower case.

    Raises `Unread` with the names of those that were not.
    """
    unread = [
        f"{place(database, definition)[0].name} ({reason})"
        for definition, reason in unparsed(database, words)
    ]
    unread += [
        f"{function_name(function)} (it is written in {function.language})"
        for function in unread_languages(database)
    ]
    if unread:
        section = "definitions"
        raise Unread(section, f"not parsed: {shorten(sorted(unread), 3)}", database.name)
