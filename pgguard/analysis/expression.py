"""Single SQL expressions, understood by parsing: policies, defaults, checks."""

from __future__ import annotations

import enum


class Truth(enum.Enum):
    """What can be said about a condition without running it.

    `DEPENDS` on rows, sessions or functions; `UNKNOWN` when it could not be parsed or its constants are
    masked.
    """

    ALWAYS = "always true"
    NEVER = "never true"
    DEPENDS = "depends"
    UNKNOWN = "unknown"


def truth(expression: str, not_null: frozenset[str] = frozenset()) -> Truth:
    """Whether a condition, as pg_get_expr prints it, is the same for every row and session.

    `not_null` are the columns that are never null: `x = x` is always true only for them.
    """
    return Truth.UNKNOWN
