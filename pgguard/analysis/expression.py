"""SQL as a tree, and what can be said of a condition without running it: policies above all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pgguard.analysis.conditions import Truth, judged
from pgguard.model.rows import MASK

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.analysis.sqltree import Called, Tree

__all__ = [
    "Token",
    "Truth",
    "Unparsable",
    "expression",
    "plpgsql",
    "statements",
    "target_list",
    "tokens",
    "truth",
]


class Unparsable(Exception):  # noqa: N818 - an answer about a text, not a fault
    """A text that is no SQL to us; the message says why in a few words."""


class Token(NamedTuple):
    """A token of SQL: its kind as the grammar calls it, and where and how it is written."""

    kind: str
    start: int
    end: int
    written: str

    @property
    def text(self) -> str:
        """It in lower case."""
        return self.written.lower()

    @property
    def name(self) -> str:
        """The identifier that it is, or empty."""
        if self.written.startswith('"'):
            return self.written[1:-1].replace('""', '"')
        return self.written.lower() if self.written[0].isalpha() or self.written[0] == "_" else ""


def tokens(text: str) -> list[Token]:
    """The tokens of a text, comments left out.

    Raises `Unparsable` for an unfinished string or the like.
    """
    from pglast.parser import ParseError, scan

    try:
        scanned = scan(text)
    except (ParseError, ValueError):
        msg = "it is not a sequence of tokens"
        raise Unparsable(msg) from None
    return [
        Token(one.name, one.start, one.end + 1, text[one.start : one.end + 1])
        for one in scanned
        if one.name not in _COMMENTS
    ]


_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})


def statements(text: str) -> list[Tree]:
    """The statements of an SQL text as trees (see `sqltree`).

    Raises `Unparsable` for what PostgreSQL's own grammar does not take.
    """
    if text.strip() == MASK:
        msg = "its text was hidden whole, because its strings could not be told from the rest"
        raise Unparsable(msg)
    # only here, because it takes 30 ms that most commands have no use for
    from pglast.parser import ParseError, parse_sql_json

    try:
        found = msgspec.json.decode(parse_sql_json(text))
    except ParseError:
        msg = "the parser does not take it"
        raise Unparsable(msg) from None
    except (ValueError, RecursionError):
        msg = "it is nested too deeply"
        raise Unparsable(msg) from None
    return [one["stmt"] for one in found["stmts"]]


def split(text: str) -> list[str]:
    """The texts of the statements, without their semicolons and without comments that stand before them.

    Raises `Unparsable` for what PostgreSQL's own grammar does not take.
    """
    from pglast.parser import ParseError
    from pglast.parser import split as parts

    try:
        found: tuple[str, ...] = parts(text, with_parser=True, only_slices=False)
    except (ParseError, ValueError):
        msg = "the parser does not take it"
        raise Unparsable(msg) from None
    return [_without_comments(one) for one in found]


def _without_comments(statement: str) -> str:
    first = next(iter(tokens(statement)), None)
    return statement[first.start :] if first is not None else ""


def expression(text: str) -> Any:
    """The tree of one SQL expression.

    Raises `Unparsable` for what is none.
    """
    targets = target_list(text)
    if len(targets) != 1:
        msg = "it is not one expression"
        raise Unparsable(msg)
    return targets[0]


def target_list(text: str) -> list[Any]:
    """The trees of expressions parted by commas.

    Raises `Unparsable` for what is no such list.
    """
    parsed = statements(f"SELECT {text}")
    if len(parsed) != 1 or "SelectStmt" not in parsed[0]:
        msg = "it is not an expression"
        raise Unparsable(msg)
    return [one["ResTarget"].get("val") for one in parsed[0]["SelectStmt"].get("targetList", ())]


def plpgsql(function: str) -> list[Tree] | None:
    """What the parser makes of a CREATE FUNCTION in PL/pgSQL; None when it does not take it.

    Raises `Unparsable` when it is nested too deeply.
    """
    from pglast.parser import ParseError, parse_plpgsql_json

    try:
        found: list[Tree] = msgspec.json.decode(parse_plpgsql_json(function))
    except RecursionError:
        msg = "it is nested too deeply"
        raise Unparsable(msg) from None
    except (ParseError, ValueError):
        return None
    return found


def truth(
    condition: str,
    not_null: frozenset[str] = frozenset(),
    functions: Callable[[Called], Truth] = lambda call: Truth.DEPENDS,
) -> Truth:
    """Whether a condition, as pg_get_expr prints it, is the same for every row and session.

    `not_null` are the columns that are never null: `x = x` is always true only for them. `functions`
    may know what a function without arguments returns. A condition that is null counts as not true.
    """
    try:
        return judged(expression(condition), not_null, functions)
    except (Unparsable, RecursionError):
        return Truth.UNKNOWN
