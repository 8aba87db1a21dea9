"""What a search for clear values of encrypted columns looked for, where it looked, and what it found.

Nothing here holds a value: counts and places only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

# table: rows of the encrypted table itself; copy: another relation that PostgreSQL knows; left-over: a file
# of the database that belongs to no relation any more
Kind = Literal[
    "table",
    "toast",
    "index",
    "copy",
    "left-over",
    "other-database",
    "statistics",
    "statements",
    "sessions",
    "wal",
    "replication",
    "temporary",
    "log",
    "other-file",
]
CANARIES = "canaries"


class Sought(NamedTuple):
    """One encrypted column, or the canaries, and how many of its values are looked for.

    `sampled` values were drawn; of these `short` have fewer than 6 bytes and `weak` have a binary form that
    could be there by chance: neither is looked for. `reason` says why the column cannot be told; empty where
    it can.
    """

    column: str
    sampled: int
    searched: int
    short: int
    weak: int
    reason: str = ""


class Found(NamedTuple):
    """Clear values in one place.

    `name` is the relation's, or empty; `file` is relative to the data directory, empty where it was seen by
    SQL. `values` counts the different ones by column, `times` how often any was met. `blocks` are the first
    of those they stand in, `offsets` how often they stand in which part of a page (row, deleted row, removed
    row, free space, index entry, page header; compressed where they were unpacked first). `until` says what
    removes them.
    """

    kind: Kind
    name: str
    file: str
    values: tuple[tuple[str, int], ...]
    times: int
    blocks: tuple[int, ...]
    offsets: tuple[tuple[str, int], ...]
    until: str


class Unsearched(NamedTuple):
    """Something on this server that was not searched, why, and what to do about it."""

    what: str
    why: str


class Elsewhere(NamedTuple):
    """Where else clear values may be, or what keeps them longer.

    `holds`: it is known to exist and out of reach from here, so that nothing found here is no all-clear.
    """

    what: str
    until: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Residue:
    """The outcome of a search: `bytes` and `seconds` of reading files, `how` they were read (empty: not)."""

    target: str
    database: str
    server_version: str
    searched_at: str
    sought: tuple[Sought, ...]
    found: tuple[Found, ...]
    unsearched: tuple[Unsearched, ...]
    elsewhere: tuple[Elsewhere, ...]
    how: str
    files: int
    bytes: int
    seconds: float

    @property
    def exit_code(self) -> int:
        """1: something was found; 3: nothing was, and not everything could be searched; 0: neither."""
        if self.found:
            return 1
        open_places = self.unsearched or any(one.holds for one in self.elsewhere)
        untold = any(one.reason or not one.searched for one in self.sought)
        return 3 if open_places or untold or not self.sought else 0
