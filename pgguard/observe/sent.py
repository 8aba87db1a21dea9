"""The statements that clients sent, as server logs tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.observe.reading import in_order
from pgguard.observe.records import LogFile
from pgguard.observe.statements import StatementReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def sent(
    paths: Sequence[Path | None], *, prefix: str | None = None, timezone: str = ""
) -> Iterator[tuple[str, str]]:
    """Database and text of each statement in some logs, None among the paths being stdin.

    The database is empty where the log does not tell it. Raises `InputError` when a file cannot be opened or
    is
    no server log.
    """
    reader = StatementReader()
    for path in in_order(paths, prefix, timezone):
        for record in LogFile(path, prefix=prefix, timezone=timezone):
            yield from ((one.database, one.text) for one in reader.add(record) if one.text)
        yield from ((one.database, one.text) for one in reader.rest() if one.text)
