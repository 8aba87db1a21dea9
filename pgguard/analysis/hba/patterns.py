"""The /patterns of pg_hba.conf (16 and later): PostgreSQL's regular expressions, as far as we know them.

The server compiles them in the C locale and matches byte by byte, anywhere in the name (manual, 20.1 and
9.7.3). What both dialects mean alike is translated; for the rest the answer is that it is not known.
"""

from __future__ import annotations

import re
from functools import cache

_CLASSES = {
    "alpha": b"a-zA-Z",
    "digit": b"0-9",
    "alnum": b"a-zA-Z0-9",
    "upper": b"A-Z",
    "lower": b"a-z",
    "space": rb" \t\n\r\f\v",
    "blank": rb" \t",
    "xdigit": b"0-9A-Fa-f",
    "word": b"a-zA-Z0-9_",
}
_SHORTHANDS = frozenset("dwsDWS")
_BOUND = re.compile(r"\{[0-9]{1,3}(,([0-9]{1,3})?)?\}")
_CLASS = re.compile(r"\[:([a-z]+):\]")
_LONGEST = 512


class _Foreign(Exception):  # noqa: N818 - an answer: the pattern is not one that both dialects share
    pass


def matches(pattern: str, name: str) -> bool | None:
    """Whether the name matches, or None where PostgreSQL's dialect says more than we can tell."""
    compiled = _compiled(pattern)
    return None if compiled is None else compiled.search(name.encode()) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[bytes] | None:
    if len(pattern) > _LONGEST or pattern.startswith(("***", "(?")):
        return None
    try:
        # DOTALL: a dot matches a line break too, and $ only the very end
        return re.compile(b"".join(_translated(pattern)), re.DOTALL)
    except (_Foreign, re.error, OverflowError):
        return None


def _translated(pattern: str) -> list[bytes]:
    parts: list[bytes] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char in "*+?{" and (char != "{" or pattern[at + 1 : at + 2].isdigit()):
            raise _Foreign  # a quantifier of nothing, or of another quantifier
        if char == "[":
            part, at = _bracket(pattern, at)
        elif char == "\\":
            part, at = _escape(pattern, at), at + 2
        elif char == "(" and pattern.startswith("(?", at):
            if not pattern.startswith("(?:", at):
                raise _Foreign
            parts.append(b"(?:")
            at += 3
            continue
        elif char in "(|^$)":
            if char in "^$|(" and pattern[at + 1 : at + 2] in ("*", "+", "?", "{"):
                raise _Foreign
            part, at = (rb"\Z" if char == "$" else char.encode()), at + 1
            if char != ")":
                parts.append(part)
                continue
        elif char == ".":
            part, at = b".", at + 1
        else:
            # a letter of several bytes is several characters to the server: a quantifier takes the last
            part, at = re.escape(char.encode()), at + 1
        parts.append(part)
        quantifier, at = _quantifier(pattern, at)
        parts.append(quantifier)
    return parts


def _quantifier(pattern: str, at: int) -> tuple[bytes, int]:
    if at == len(pattern) or pattern[at] not in "*+?{":
        return b"", at
    if pattern[at] == "{":
        bound = _BOUND.match(pattern, at)
        if bound is None:
            if pattern[at + 1 : at + 2].isdigit():
                raise _Foreign
            return b"", at
        end = bound.end()
    else:
        end = at + 1
    if pattern[end : end + 1] == "?":
        end += 1
    return pattern[at:end].encode(), end


def _escape(pattern: str, at: int) -> bytes:
    escaped = pattern[at + 1 : at + 2]
    if escaped in _SHORTHANDS and escaped:
        return b"\\" + escaped.encode()
    if not escaped or escaped.isalnum() or not escaped.isascii():
        raise _Foreign
    return re.escape(escaped.encode())


def _bracket(pattern: str, at: int) -> tuple[bytes, int]:
    at += 1
    negated = pattern.startswith("^", at)
    at += negated
    parts: list[bytes] = []
    first = True
    while at < len(pattern) and (first or pattern[at] != "]"):
        first = False
        if pattern.startswith("[", at):
            named = _CLASS.match(pattern, at)
            if named is None or named[1] not in _CLASSES:
                raise _Foreign
            parts.append(_CLASSES[named[1]])
            at = named.end()
            continue
        low, at = _member(pattern, at)
        if pattern.startswith("-", at) and pattern[at + 1 : at + 2] not in ("]", ""):
            high, at = _member(pattern, at + 1)
            parts.append(re.escape(low) + b"-" + re.escape(high))
        else:
            parts.append(re.escape(low))
    if at == len(pattern):
        raise _Foreign
    return b"[" + (b"^" if negated else b"") + b"".join(parts) + b"]", at + 1


def _member(pattern: str, at: int) -> tuple[bytes, int]:
    char = pattern[at]
    if char == "\\" or char == "[" or not char.isascii():
        # an escape, a collating element, or a letter of several bytes, of which each would be a member
        raise _Foreign
    return char.encode(), at + 1
