"""The names of what is made in a database for a mandate."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 63
MANDATE_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")


def schema_of(mandate: str) -> str:
    """The schema with the views of a mandate; there is none where no table is read through a view."""
    return f"mandate_{mandate}"


def view_of(table: str) -> str:
    """The view through which a table (schema.table) is read, in the schema of its mandate."""
    name = table.replace(".", "__", 1).replace('"', "")
    if len(name.encode()) <= _LONGEST:
        return name
    digest = hashlib.sha256(table.encode()).hexdigest()[:8]
    return name.encode()[: _LONGEST - 9].decode("utf-8", "ignore") + "_" + digest


def policy_of(mandate: str, part: str) -> str:
    """A row policy of a mandate; `part`: rows (what is seen), limit (no more), others (who goes on)."""
    return f"mandate_{mandate}_{part}"
