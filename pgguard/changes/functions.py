"""ALTER FUNCTION: the search_path that a function sets for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import function_has, negated
from pgguard.model.finding import Change
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Sequence


def set_search_path(
    function: str,
    schemas: Sequence[str],
    was: Sequence[str] | None,
    *,
    procedure: bool = False,
    database: str | None = None,
) -> Change:
    """Give a function, named with its argument types, a search_path; `was` None when it had none."""
    head = f"ALTER {'PROCEDURE' if procedure else 'FUNCTION'} {function}"
    had = function_has(function, "search_path", None if was is None else _stored(was))
    undo = "RESET search_path" if was is None else f"SET search_path = {_listed(was)}"
    return Change(
        sql=f"{head} SET search_path = {_listed(schemas)};",
        undo=f"{head} {undo};",
        lock="none on tables; calls that have begun go on as before",
        database=database,
        planned=negated(had) if was is None else had,
        done=function_has(function, "search_path", _stored(schemas)),
    )


def _stored(schemas: Sequence[str]) -> str:
    # as the server keeps it: an empty list as one empty name
    return ", ".join(ident(schema) for schema in schemas) or '""'


def _listed(schemas: Sequence[str]) -> str:
    return ", ".join(ident(schema) for schema in schemas) or "''"
