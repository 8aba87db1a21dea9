"""Values of a role's settings as ALTER ROLE ... SET takes them."""

from __future__ import annotations

from pgguard.analysis.search_path import parse
from pgguard.changes.roles import LISTS
from pgguard.model.quote import literal


def written(name: str, value: str) -> str:
    """The value as SQL: a list is a list of strings, everything else one string."""
    if name in LISTS:
        return ", ".join(literal(part) for part in parse(value)) or "''"
    return literal(value)
