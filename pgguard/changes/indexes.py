"""DROP INDEX."""

from __future__ import annotations

from pgguard.model.finding import Change
from pgguard.model.quote import literal
from pgguard.model.rows import MASK


def drop_index(index: str, definition: str, *, database: str | None = None) -> Change:
    """DROP INDEX, its name quoted; not to be undone where its definition (CREATE INDEX) was masked."""
    found = f"pg_catalog.to_regclass({literal(index)})"
    return Change(
        sql=f"DROP INDEX IF EXISTS {index};",
        undo="" if MASK in definition else f"{definition.rstrip(';')};",
        lock="ACCESS EXCLUSIVE on the table, for a moment; waits for those who read it",
        database=database,
        planned=f"{found} IS NOT NULL",
        done=f"{found} IS NULL",
    )
