"""DROP INDEX."""

from __future__ import annotations

from pgguard.model.finding import Change
from pgguard.model.quote import literal
from pgguard.model.rows import MASK


def drop_index(index: str, definition: str, *, database: str | None = None) -> Change:
    """DROP INDEX, its name quoted; not to be undone where its definition (CREATE INDEX) was masked."""
    found = f"pg_catalog.to_regclass({literal(index)})"
    is_masked = MASK in definition
    same = f"coalesce(pg_catalog.pg_get_indexdef({found}) = {literal(definition.rstrip(';'))}, false)"
    return Change(
        sql=f"DROP INDEX IF EXISTS {index};",
        undo="" if is_masked else f"{definition.rstrip(';')};",
        lock="ACCESS EXCLUSIVE on the table, for a moment; waits for those who read it",
        database=database,
        planned=f"{found} IS NOT NULL" if is_masked else same,
        done=f"{found} IS NULL",
    )
