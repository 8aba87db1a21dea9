"""SQL names and literals: the one place where pgguard quotes them.

The rules are those of quote_ident and quote_literal (PostgreSQL manual, 9.4 and 4.1.2); a test
holds them equal to a real server's answers.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import resources

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")


@cache
def _keywords() -> frozenset[str]:
    # quote_ident quotes every keyword that is not of the unreserved category
    text = resources.files("pgguard").joinpath("data/keywords.txt").read_text(encoding="ascii")
    return frozenset(text.split())


@lru_cache(maxsize=1 << 16)
def ident(name: str) -> str:
    """The name as an SQL identifier, quoted only where SQL needs it.

    Raises `ValueError` for an empty name or one with a NUL character, which no object can have.
    """
    if not name or "\x00" in name:
        msg = "an identifier cannot be empty or hold a NUL character"
        raise ValueError(msg)
    if _PLAIN.match(name) and name not in _keywords():
        return name
    return '"' + name.replace('"', '""') + '"'


@lru_cache(maxsize=1 << 16)
def qualified(*names: str) -> str:
    """A dotted name, each part quoted where SQL needs it."""
    return ".".join(ident(name) for name in names)


def grantee(name: str) -> str:
    """A role in GRANT and REVOKE, or the keyword PUBLIC."""
    return "PUBLIC" if name == "public" else ident(name)


def literal(text: str) -> str:
    """The text as an SQL string constant, safe whatever standard_conforming_strings says.

    Raises `ValueError` for a NUL character, which no text of PostgreSQL can hold.
    """
    if "\x00" in text:
        msg = "a literal cannot hold a NUL character"
        raise ValueError(msg)
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return "E" + quoted if "\\" in text else quoted


def dollar(body: str) -> str:
    """The text as a dollar-quoted constant on lines of its own, with a tag that does not stand in it."""
    tag, number = "$pgguard$", 0
    while tag in body:
        number += 1
        tag = f"$pgguard{number}$"
    return f"{tag}\n{body}\n{tag}"
