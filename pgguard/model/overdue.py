"""Rows that are there although their retention rule says that they should be gone, as counted live."""

from __future__ import annotations

from typing import NamedTuple

# so many rows are counted, and no more: that is finding enough
MOST = 10_000


class Overdue(NamedTuple):
    """What one rule came to in one database: `rows` that are due and under no hold, `MOST` for that many or
    more.

    `method` is what the rule does with them. `why` says why nothing could be counted, empty where it was.
    """

    database: str
    table: str
    method: str
    months: int
    age_column: str
    rows: int
    why: str = ""
