"""ALTER TABLE: row security, triggers and rules; event triggers; DROP TABLE of a copy that nobody needs."""

from __future__ import annotations

from pgguard.model.finding import Change
from pgguard.model.quote import ident

_EXCLUSIVE = "ACCESS EXCLUSIVE on the table, for a moment; waits for those who read it"
_SHARED = "SHARE ROW EXCLUSIVE on the table, for a moment; readers go on"
_ENABLED = {"O": "ENABLE", "D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


def enable_row_security(table: str, *, database: str | None = None) -> Change:
    """ENABLE ROW LEVEL SECURITY on a table, its name quoted: without a policy for them others see no row."""
    return Change(
        sql=f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;",
        undo=f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;",
        lock=_EXCLUSIVE,
        database=database,
    )


def force_row_security(table: str, *, database: str | None = None) -> Change:
    """FORCE ROW LEVEL SECURITY: the owner is held to the policies too."""
    return Change(
        sql=f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;",
        undo=f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;",
        lock=_EXCLUSIVE,
        database=database,
    )


def enable(
    kind: str, name: str, table: str, was: str, *, always: bool = False, database: str | None = None
) -> Change:
    """Make a trigger or rule (`kind` TRIGGER or RULE) fire; `was` is tgenabled before.

    `always`: for sessions that replicate or restore, too.
    """
    what = f"{kind} {ident(name)}"
    return Change(
        sql=f"ALTER TABLE {table} ENABLE{' ALWAYS' if always else ''} {what};",
        undo=f"ALTER TABLE {table} {_ENABLED[was]} {what};",
        lock=_SHARED if kind == "TRIGGER" else _EXCLUSIVE,
        database=database,
    )


def enable_event_trigger(name: str, was: str, *, database: str | None = None) -> Change:
    """Make an event trigger fire; `was` is evtenabled before."""
    return Change(
        sql=f"ALTER EVENT TRIGGER {ident(name)} ENABLE;",
        undo=f"ALTER EVENT TRIGGER {ident(name)} {_ENABLED[was]};",
        lock="none",
        database=database,
    )


def drop_table(table: str, *, database: str | None = None) -> Change:
    """DROP TABLE; its rows are gone, only a backup brings them back."""
    return Change(
        sql=f"DROP TABLE {table};", undo="", lock="ACCESS EXCLUSIVE on the table", database=database
    )
