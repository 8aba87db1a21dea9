"""ALTER TABLE: row security, triggers and rules; event triggers; DROP TABLE of a copy that nobody needs."""

from __future__ import annotations

from pgguard.changes.catalog import relation_is
from pgguard.model.finding import Change
from pgguard.model.quote import ident, literal

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
        planned=relation_is(table, "NOT c.relrowsecurity"),
        done=relation_is(table, "c.relrowsecurity"),
    )


def force_row_security(table: str, *, database: str | None = None) -> Change:
    """FORCE ROW LEVEL SECURITY: the owner is held to the policies too."""
    return Change(
        sql=f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;",
        undo=f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;",
        lock=_EXCLUSIVE,
        database=database,
        planned=relation_is(table, "NOT c.relforcerowsecurity"),
        done=relation_is(table, "c.relforcerowsecurity"),
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
        planned=_fires(kind, name, table, was),
        done=_fires(kind, name, table, "A" if always else "O"),
    )


def enable_event_trigger(name: str, was: str, *, always: bool = False, database: str | None = None) -> Change:
    """Make an event trigger fire; `was` is evtenabled before. `always`: in sessions that replicate, too."""
    return Change(
        sql=f"ALTER EVENT TRIGGER {ident(name)} ENABLE{' ALWAYS' if always else ''};",
        undo=f"ALTER EVENT TRIGGER {ident(name)} {_ENABLED[was]};",
        lock="none",
        database=database,
        planned=_event_fires(name, was),
        done=_event_fires(name, "A" if always else "O"),
    )


def drop_table(table: str, *, database: str | None = None) -> Change:
    """DROP TABLE; its rows are gone, only a backup brings them back."""
    found = f"pg_catalog.to_regclass({literal(table)})"
    return Change(
        sql=f"DROP TABLE IF EXISTS {table};",
        undo="",
        lock="ACCESS EXCLUSIVE on the table",
        database=database,
        planned=f"{found} IS NOT NULL",
        done=f"{found} IS NULL",
    )


def _fires(kind: str, name: str, table: str, how: str) -> str:
    on = f"pg_catalog.to_regclass({literal(table)})"
    if kind == "TRIGGER":
        return (
            f"EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = {on} "
            f"AND t.tgname = {literal(name)} AND t.tgenabled = {literal(how)})"
        )
    return (
        f"EXISTS (SELECT FROM pg_catalog.pg_rewrite AS w WHERE w.ev_class = {on} "
        f"AND w.rulename = {literal(name)} AND w.ev_enabled = {literal(how)})"
    )


def _event_fires(name: str, how: str) -> str:
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_event_trigger AS t "
        f"WHERE t.evtname = {literal(name)} AND t.evtenabled = {literal(how)})"
    )
