"""Nothing is written that does not parse, or that holds a secret."""

from __future__ import annotations

import re

from pgguard.analysis.expression import Unparsable, plpgsql, statements
from pgguard.analysis.sqltree import walk
from pgguard.errors import PgguardError

_DO = re.compile(r"^DO (\$\w*\$)(.*?)\1;", re.DOTALL | re.MULTILINE)
# forms of keys and verifiers as they stand in text
_SECRET = re.compile(
    r"SCRAM-SHA-256\$\d|\bmd5[0-9a-f]{32}\b|-----BEGIN [A-Z ]*PRIVATE KEY|\bpassword\s*=\s*[^\s'*]|"
    r"://[^/\s:@']+:[^@\s'*]+@",
    re.IGNORECASE,
)


class UnsafeMigrationError(PgguardError):
    """A generated file that must not be written: a fault of ours, and nothing was written."""

    exit_code = 3


def checked(text: str, name: str) -> str:
    """The text, once it is known to parse and to hold no password, verifier or key.

    Raises `UnsafeMigrationError` otherwise; the message names the file, never what was found.
    """
    try:
        trees = list(statements(text))
        for _, body in _DO.findall(text):
            if (
                plpgsql(f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $checked$ {body} $checked$")
                is None
            ):
                raise Unparsable(name)
    except Unparsable:
        msg = f"{name}: what was generated does not parse: please report it; nothing was written"
        raise UnsafeMigrationError(msg) from None
    if _SECRET.search(text) or any(
        _sets_password(kind, fields) for tree in trees for kind, fields in walk(tree)
    ):
        msg = f"{name}: what was generated holds a secret: please report it; nothing was written"
        raise UnsafeMigrationError(msg)
    return text


def _sets_password(kind: str, fields: object) -> bool:
    # PASSWORD NULL has no argument
    return (
        kind == "DefElem"
        and isinstance(fields, dict)
        and fields.get("defname") == "password"
        and bool(fields.get("arg"))
    )
