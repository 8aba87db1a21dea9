"""ALTER ... OWNER TO: who may change an object."""

from __future__ import annotations

from pgguard.changes.catalog import owner_is, parted
from pgguard.model.finding import Change
from pgguard.model.quote import ident


def change_owner(what: str, owner: str, was: str, *, database: str | None = None) -> Change:
    """Give an object another owner; `what` is keyword and quoted name (`FUNCTION lab.f(integer)`)."""
    return Change(
        sql=f"ALTER {what} OWNER TO {ident(owner)};",
        undo=f"ALTER {what} OWNER TO {ident(was)};",
        lock="ACCESS EXCLUSIVE on a table or view; none that readers or writers meet for other objects",
        database=database,
        planned=_owned(what, was),
        done=_owned(what, owner),
    )


def _owned(what: str, role: str) -> str:
    return owner_is(*parted(what), role)
