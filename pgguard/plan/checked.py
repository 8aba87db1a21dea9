"""Nothing is written that does not parse, or that holds a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pgguard.analysis.expression import Unparsable, plpgsql, statements
from pgguard.analysis.sqltree import walk
from pgguard.errors import PgguardError
from pgguard.model.quote import dollar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.sqltree import Tree

# forms of keys and verifiers as they stand in text
_SECRET = re.compile(
    r"SCRAM-SHA-256\$\d|\bmd5[0-9a-f]{32}\b|-----BEGIN [A-Z ]*PRIVATE KEY|\bpassword\s*=\s*[^\s'*]|"
    r"://[^/\s:@']+:[^@\s'*]+@",
    re.IGNORECASE,
)
# one of them is in each of those forms; looking for them first is much faster
_WORDS = ("scram-sha-256$", "md5", "private key", "password", "://")


class UnsafeMigrationError(PgguardError):
    """A generated file that must not be written: a fault of ours, and nothing was written."""

    exit_code = 3


def checked(text: str, name: str) -> str:
    """The text, once it is known to parse and to hold no password, verifier or key.

    Raises `UnsafeMigrationError` otherwise; the message names the file, never what was found.
    """
    try:
        trees = list(statements(text))
        for body in (one for tree in trees for one in _blocks(tree)):
            function = f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS {dollar(body)}"
            if plpgsql(function) is None:
                raise Unparsable(name)
    except Unparsable:
        msg = f"{name}: what was generated does not parse: please report it; nothing was written"
        raise UnsafeMigrationError(msg) from None
    has_word = "password" in text.lower()
    if has_word and any(_sets_password(kind, fields) for tree in trees for kind, fields in walk(tree)):
        raise UnsafeMigrationError(_HOLDS.format(name))
    return without_secret(text, name)


def without_secret(text: str, name: str) -> str:
    """The text of any file, once no password, verifier or key is seen in it.

    Raises `UnsafeMigrationError` otherwise.
    """
    lowered = text.lower()
    if any(word in lowered for word in _WORDS) and _SECRET.search(text):
        raise UnsafeMigrationError(_HOLDS.format(name))
    return text


_HOLDS = "{}: what was generated holds a secret: please report it; nothing was written"


def _blocks(tree: Tree) -> Iterator[str]:
    """The bodies of its DO statements; all of ours are in PL/pgSQL."""
    for one in tree.get("DoStmt", {}).get("args", ()):
        if one["DefElem"]["defname"] == "as":
            yield one["DefElem"]["arg"]["String"]["sval"]


def _sets_password(kind: str, fields: object) -> bool:
    # PASSWORD NULL has no argument
    return (
        kind == "DefElem"
        and isinstance(fields, dict)
        and fields.get("defname") == "password"
        and bool(fields.get("arg"))
    )
