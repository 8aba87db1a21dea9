"""What the objects are called that a table's encryption adds; every name fits into 63 bytes."""

from __future__ import annotations

import hashlib
import re

from pgguard.model.quote import ident, qualified

SCHEMA = "pgguard"
# the key group of the keys that wrap and name the secrets of persons
SUBJECT_GROUP = "subject"
_SIMPLE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*\Z")
_LONGEST = 46
_NAME_BYTES = 63


def function(kind: str, *names: str) -> str:
    """The quoted name of a function for a table or column: pgguard.open__lab__patient__nir."""
    return qualified(SCHEMA, f"{kind}__{_joined(names)}")


def beside(name: str, suffix: str) -> str:
    """A name with a suffix: that of the storage table, of stored and index columns, of constraints."""
    room = _NAME_BYTES - len(suffix) - 1
    if len(name.encode()) > room:
        digest = hashlib.sha256(name.encode()).hexdigest()[:6]
        name = f"{name.encode()[: room - 7].decode(errors='ignore')}_{digest}"
    return f"{name}_{suffix}"


def storage(schema: str, table: str) -> str:
    """The quoted name of the table that stores what the view of the old name shows."""
    return f"{ident(schema)}.{ident(beside(table, 'pgg1'))}"


def _joined(names: tuple[str, ...]) -> str:
    plain = "__".join(names)
    if all(_SIMPLE.match(one) for one in names) and len(plain) <= _LONGEST:
        return plain
    # names that could meet, or that are too long, are told apart by a digest of the whole
    digest = hashlib.sha256("\x00".join(names).encode()).hexdigest()[:8]
    kept = re.sub(r"[^a-z0-9_]", "", plain.lower())[: _LONGEST - 9]
    return f"{kept}_{digest}"
