"""DROP POLICY of row security."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import every, negated
from pgguard.model.finding import Change
from pgguard.model.quote import grantee, ident, literal
from pgguard.model.rows import MASK

if TYPE_CHECKING:
    from pgguard.model.rows import RowPolicy


def drop_policy(
    row: RowPolicy, table: str, using: str | None, check: str | None, *, database: str | None = None
) -> Change:
    """DROP POLICY on a table, its name quoted; not to be undone where a condition holds masked strings."""
    create = f"CREATE POLICY {ident(row.name)} ON {table} FOR {row.command} TO "
    create += ", ".join(map(grantee, row.roles))
    create += f" USING ({using})" if using is not None else ""
    create += f" WITH CHECK ({check})" if check is not None else ""
    there = (
        "EXISTS (SELECT FROM pg_catalog.pg_policy AS p "
        f"WHERE p.polrelid = pg_catalog.to_regclass({literal(table)}) AND p.polname = {literal(row.name)})"
    )
    is_masked = MASK in f"{using}{check}"
    # the server prints what it stored, so that a condition that was changed since is seen
    same = every(
        f"pg_catalog.pg_get_expr(p.{column}, p.polrelid) "
        + (f"= {literal(text)}" if text is not None else "IS NULL")
        for column, text in (("polqual", using), ("polwithcheck", check))
    )
    return Change(
        sql=f"DROP POLICY IF EXISTS {ident(row.name)} ON {table};",
        undo="" if is_masked else f"{create};",
        lock="ACCESS EXCLUSIVE on the table, for a moment; waits for those who read it",
        database=database,
        planned=there if is_masked else f"{there.removesuffix(')')} AND {same})",
        done=negated(there),
    )
