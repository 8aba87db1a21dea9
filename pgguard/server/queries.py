"""The SQL of a snapshot: which file of sql/ reads which section on which version of PostgreSQL.

The reader and the script for plain psql both take it from here, so that they cannot differ.

* `sql/snapshot/NAME[.pg16].sql` is one SELECT, of rows as JSON arrays.
* `sql/ask/NAME[.pg15].sql` tells beforehand what the rows would not: one row `(readable, reason)`.
  Not readable with a reason, the section is missing; not readable without one, it has no rows.
  That is for views which hide rows or values from some roles without an error, and for catalogs
  which refuse even to say that they are empty.
* `sql/session/limits[.pg11].sql` is what is SET before anything but the settings is read.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from pgguard.model.section import Sections

# what only the client can give: no query reads these sections
OUTSIDE = ("password_guesses", "files", "certificates")
# read before anything is SET, so that it shows the values that sessions really begin with
FIRST = "settings"
# the one query that needs an extension's view, whose schema is where the DBA put it
STATEMENTS = "statements"


class Query(NamedTuple):
    """How one section is read: `text` without its semicolon; both empty where there is none.

    `ask` is the query that tells whether `text` may be believed.
    """

    section: str
    text: bytes
    ask: bytes


def queries(kind: type[Sections], major: int) -> tuple[Query, ...]:
    """The query of every section of that kind which SQL can read, in order, for a major version."""
    return tuple(query(name, major) for name in kind.section_types() if name not in OUTSIDE)


def query(section: str, major: int) -> Query:
    """The query of one section for a major version."""
    text, ask = (_chosen(variants(folder, section), major) for folder in ("snapshot", "ask"))
    return Query(section, text, ask)


def limits(major: int) -> bytes:
    """What a session SETs for its transaction: several statements, each ended by a semicolon."""
    return _chosen(variants("session", "limits"), major) + b";"


@cache
def variants(folder: str, name: str) -> dict[int, bytes]:
    """The texts of one name in a folder of sql/, by the major version that each is for and later; 0: any.

    The semicolon at the end is left out.
    """
    found = {}
    for entry in _entries(folder):
        fitting = re.fullmatch(rf"{name}(?:\.pg(\d+))?\.sql", entry.name)
        if fitting:
            found[int(fitting[1] or 0)] = entry.read_bytes().rstrip().removesuffix(b";")
    return dict(sorted(found.items()))


@cache
def _entries(folder: str) -> tuple[Traversable, ...]:
    return tuple(resources.files("pgguard").joinpath("sql", folder).iterdir())


def _chosen(texts: dict[int, bytes], major: int) -> bytes:
    fitting = [since for since in texts if since <= major]
    return texts[max(fitting)] if fitting else b""
