"""What the planner keeps of columns: ALTER COLUMN ... SET STATISTICS, its rows, DROP STATISTICS."""

from __future__ import annotations

from pgguard.model.finding import Change
from pgguard.model.quote import ident, literal

_SHARE_UPDATE = "SHARE UPDATE EXCLUSIVE on the table; readers and writers go on"


def set_statistics_target(
    table: str, column: str, target: int, was: int, *, database: str | None = None
) -> Change:
    """How much ANALYZE keeps of a column, 0 for nothing; what it kept before stays until it is cleared.

    `table` is quoted, `column` is not; `was` is the target before, -1 for the cluster's.
    """
    head = f"ALTER TABLE {table} ALTER COLUMN {ident(column)} SET STATISTICS"
    column_is = (
        "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a "
        f"WHERE a.attrelid = pg_catalog.to_regclass({literal(table)}) AND a.attname = {literal(column)} "
        "AND coalesce(a.attstattarget, -1) ="
    )
    return Change(
        f"{head} {target};",
        f"{head} {was};",
        _SHARE_UPDATE,
        database=database,
        planned=f"{column_is} {was})",
        done=f"{column_is} {target})",
    )


def clear_statistics(
    schema: str, table: str, column: str, *, inherited: bool, major: int, database: str | None = None
) -> Change:
    """Remove what ANALYZE kept of a column; the next ANALYZE brings it back, unless the target is 0.

    Names are not quoted. Before 18 no function does it, and only a superuser can (manual, 52.51
    pg_statistic), which others may not even look at.
    """
    if major >= 18:
        where = f"{literal(schema)}, {literal(table)}, {literal(column)}, {str(inherited).lower()}"
        sql = f"SELECT pg_catalog.pg_clear_attribute_stats({where});"
    else:
        name = literal(f"{ident(schema)}.{ident(table)}")
        sql = (  # every name in it is a literal by now
            f"DELETE FROM pg_catalog.pg_statistic WHERE starelid = {name}::pg_catalog.regclass"
            f" AND stainherit = {str(inherited).lower()} AND staattnum = (SELECT a.attnum"
            f" FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = {name}::pg_catalog.regclass"
            f" AND a.attname = {literal(column)});"
        )
    return Change(sql, "", "ROW EXCLUSIVE on pg_statistic", database=database)


def drop_statistics(name: str, *, database: str | None = None) -> Change:
    """DROP STATISTICS, its name quoted."""
    found = (
        "EXISTS (SELECT FROM pg_catalog.pg_statistic_ext AS s "
        "JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace WHERE pg_catalog.concat("
        f"pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(s.stxname)) = {literal(name)})"
    )
    return Change(
        f"DROP STATISTICS IF EXISTS {name};",
        "",
        _SHARE_UPDATE,
        database=database,
        planned=found,
        done=f"NOT {found}",
    )
