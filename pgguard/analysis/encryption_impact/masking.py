"""Statements as they may be shown: no constant, no comment, and alike where only constants differ."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pgguard.analysis.expression import Unparsable, tokens
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Collection

    from pgguard.analysis.expression import Token

_CONSTANTS = frozenset({"ICONST", "FCONST", "SCONST", "USCONST", "BCONST", "XCONST", "PARAM"})
_NAMES = frozenset({"IDENT", "UIDENT"})
_SIMPLE = re.compile(r'"[A-Za-z_][A-Za-z0-9_$]*"\Z')
_NO_SPACE_BEFORE = frozenset({",", ")", "]", ";", ".", "::", "["})
_NO_SPACE_AFTER = frozenset({"(", "[", ".", "::"})
_OPEN, _CLOSE = frozenset("(["), frozenset(")]")
# ( ? )
_ONE = 3
_APART = frozenset(
    {"by", "set", "key", "over", "filter", "partition", "conflict", "values", "as", "of", "update"}
)


def masked(text: str, known: Collection[str]) -> str:
    """A statement with $1, $2 ... for its constants and parameters, on one line.

    Lists of constants are shortened. Quoted names that are no plain words and not `known` are hidden: a value
    in double quotes is a name to SQL. Raises `Unparsable` when the text cannot be cut into tokens.
    """
    return _joined(_shortened([_shown(one, known) for one in tokens(text)]))


def words_only(text: str, known: Collection[str]) -> str:
    """Of a text that is no SQL to the parser: the words of SQL and the known names; `_` for the rest."""
    try:
        found = tokens(text)
    except Unparsable:
        return ""
    shown = []
    for one in found:
        if one.kind in _CONSTANTS:
            shown.append("?")
        elif one.kind in _NAMES:
            shown.append(one.written if one.name in known else "_")
        else:
            shown.append(one.written if one.written.isascii() else "_")
    return _joined(_shortened(shown))


def mentions(text: str, known: Collection[str]) -> bool:
    """Whether a text has one of some names (lower case), in a string too; true when it cannot be cut into
    tokens."""
    try:
        found = tokens(text)
    except Unparsable:
        return True
    return any(one.name in known or (one.kind in _CONSTANTS and _inside(one.text, known)) for one in found)


def _inside(text: str, known: Collection[str]) -> bool:
    return any(name.lower() in text for name in known)


def _shown(token: Token, known: Collection[str]) -> str:
    if token.kind in _CONSTANTS:
        return "?"
    if token.written.startswith(('"', 'U&"', 'u&"')):
        return token.written if _SIMPLE.match(token.written) or token.name in known else '"***"'
    return token.text


def _shortened(found: list[str]) -> list[str]:
    """Lists of constants without all but the first, and rows of VALUES without those like the one before."""
    kept: list[str] = []
    starts: list[int] = []
    for one in found:
        kept.append(one)
        if one in _OPEN:
            starts.append(len(kept) - 1)
        elif one in _CLOSE and starts:
            start = starts.pop()
            group = kept[start:]
            before = kept[start - 1] if start else ""
            if before in ("in", "array") and len(group) > _ONE and set(group[1:-1]) == {"?", ","}:
                kept[start + 1 :] = ["?", ",", "...", one]
            elif before == "," and kept[start - 1 - len(group) : start - 1] == group:
                del kept[start - 1 :]
    return kept


def _joined(found: list[str]) -> str:
    text, number, before = "", 0, ""
    for one in found:
        shown = one
        if one == "?":
            number += 1
            shown = f"${number}"
        tight = one in _NO_SPACE_BEFORE or before in _NO_SPACE_AFTER or (one == "(" and _is_call(before))
        text += shown if tight or not text else f" {shown}"
        before = one
    return text


def _is_call(before: str) -> bool:
    """Whether a parenthesis after this is that of a call, as far as it shows."""
    return before[:1] == '"' or (before.isidentifier() and before not in _APART and ident(before) == before)
