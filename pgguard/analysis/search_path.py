"""search_path: which schemas a value names, in order.

Whoever may create objects in one of them decides what an unqualified name means for everybody who
searches it (CVE-2018-1058; PostgreSQL manual, 5.10.6 Usage Patterns).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgguard.model.rows import Function

OWN_SCHEMA = "$user"
TEMPORARY = "pg_temp"
SYSTEM = frozenset({"pg_catalog", "information_schema"})


def parse(value: str) -> tuple[str, ...]:
    """The schemas of a value of search_path: commas part them, double quotes keep case and commas."""
    names = [""]
    inside = quoted = False
    letters = iter(value)
    for letter in letters:
        if letter == '"':
            if quoted and not inside:
                # a doubled quote inside quotes stands for itself
                names[-1] += letter
            inside, quoted = not inside, True
        elif letter == "," and not inside:
            names.append("")
            quoted = False
        elif inside:
            names[-1] += letter
        elif not letter.isspace():
            names[-1] += letter.lower()
    return tuple(name for name in names if name)


def of_function(function: Function) -> tuple[str, ...] | None:
    """The search_path that a function sets for itself; None when it sets none."""
    for item in function.config:
        name, _, value = item.partition("=")
        if name == "search_path":
            return parse(value)
    return None
