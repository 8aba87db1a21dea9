"""What stored SQL does: function bodies of SQL and PL/pgSQL, understood by parsing.

Whatever could not be parsed says so (`Accesses.unknown`, `unparsed`); nothing is taken for harmless
because it was not understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pgguard.model.rows import Definition, Function
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot


class Accesses(NamedTuple):
    """What one function's body touches, directly: not what the functions and views that it uses do.

    `reads` and `writes` are (relation oid, column number), with number 0 for the whole relation or where
    the column could not be told; TRUNCATE and DELETE write number 0. `calls` are oids of functions of the
    snapshot (the system's own are not in it, trigger functions set off by a write neither). `dynamic`
    tells that the body runs SQL that it builds: it may then touch more than is listed. `unknown` is the
    reason why the body could not be read; empty otherwise.

    A name that fits in several schemas counts for all of them, unless the function sets its search_path.
    """

    reads: frozenset[tuple[int, int]] = frozenset()
    writes: frozenset[tuple[int, int]] = frozenset()
    calls: frozenset[int] = frozenset()
    dynamic: bool = False
    unknown: str = ""


class Argument(NamedTuple):
    """One argument of a call. `constant` tells that its value stands in the text; `text` is then the
    (masked) string or number, or empty. `name` is the parameter's name in named notation."""

    constant: bool
    text: str = ""
    name: str = ""


class Call(NamedTuple):
    """A call of a function in stored SQL: `name` without its schema in lower case, `schema` as written."""

    definition: Definition
    schema: str
    name: str
    arguments: tuple[Argument, ...]


def accesses(snapshot: Snapshot, database: DatabaseSnapshot, function: Function) -> Accesses:
    """What the body of one function reads, writes and calls.

    Raises `Unread` when relations, columns, functions or definitions could not be read.
    """
    return Accesses(unknown="bodies are not parsed yet")


def calls(database: DatabaseSnapshot, names: Collection[str]) -> Iterator[Call]:
    """The calls of functions of these names (lower case) in all stored SQL of a database.

    Function bodies, views, defaults, checks, policies, indexes, rules and triggers; constant dynamic SQL
    too. Raises `Unread` when the definitions could not be read.
    """
    return iter(())


def unparsed(database: DatabaseSnapshot, words: Collection[str]) -> Iterator[tuple[Definition, str]]:
    """The stored SQL that holds one of these words and could not be parsed, with the reason.

    Raises `Unread` when the definitions could not be read.
    """
    return iter(())
