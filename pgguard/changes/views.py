"""ALTER VIEW: whose rights a view reads with."""

from __future__ import annotations

from pgguard.changes.catalog import relation_is
from pgguard.model.finding import Change

_INVOKER = "coalesce('security_invoker=true' = ANY (c.reloptions), false)"


def read_as_user(view: str, *, database: str | None = None) -> Change:
    """Make a view read with the rights of whoever uses it (15 and later): they then need them."""
    return Change(
        sql=f"ALTER VIEW {view} SET (security_invoker = true);",
        undo=f"ALTER VIEW {view} RESET (security_invoker);",
        lock="ACCESS EXCLUSIVE on the view, for a moment; waits for those who read it",
        database=database,
        planned=relation_is(view, f"NOT {_INVOKER}"),
        done=relation_is(view, _INVOKER),
    )
