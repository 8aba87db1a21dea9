"""Secrets taken out of stored SQL where a statement alone can; what they were cannot be brought back."""

from __future__ import annotations

from pgguard.changes.catalog import function_has, has_comment, negated
from pgguard.model.finding import Change
from pgguard.model.quote import ident, literal

_KINDS = {
    "v": "VIEW",
    "m": "MATERIALIZED VIEW",
    "f": "FOREIGN TABLE",
    "S": "SEQUENCE",
}
_KEYWORDS = (*_KINDS.values(), "TABLE", "COLUMN", "TYPE", "SCHEMA", "FUNCTION", "PROCEDURE")


def drop_default(table: str, column: str, *, database: str | None = None) -> Change:
    """ALTER COLUMN ... DROP DEFAULT: rows without a value get NULL. `table` is quoted, `column` is not."""
    has = (
        "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a "
        f"WHERE a.attrelid = pg_catalog.to_regclass({literal(table)}) AND a.attname = {literal(column)} "
        "AND a.atthasdef)"
    )
    return Change(
        sql=f"ALTER TABLE {table} ALTER COLUMN {ident(column)} DROP DEFAULT;",
        undo="",
        lock="ACCESS EXCLUSIVE on the table, for a moment; waits for those who read it",
        database=database,
        planned=has,
        done=negated(has),
    )


def drop_domain_default(domain: str, *, database: str | None = None) -> Change:
    """ALTER DOMAIN ... DROP DEFAULT: columns of it without a default of their own get NULL. `domain` is
    quoted."""
    has = (
        "EXISTS (SELECT FROM pg_catalog.pg_type AS t "
        f"WHERE t.oid = pg_catalog.to_regtype({literal(domain)}) AND t.typdefault IS NOT NULL)"
    )
    return Change(
        sql=f"ALTER DOMAIN {domain} DROP DEFAULT;",
        undo="",
        lock="none on tables",
        database=database,
        planned=has,
        done=negated(has),
    )


def drop_comment(on: str, *, database: str | None = None) -> Change:
    """COMMENT ON ... IS NULL; `on` is what stands after ON."""
    keyword = next((one for one in _KEYWORDS if on.startswith(f"{one} ")), "")
    has = has_comment(keyword, on.removeprefix(f"{keyword} "))
    return Change(
        sql=f"COMMENT ON {on} IS NULL;",
        undo="",
        lock="SHARE UPDATE EXCLUSIVE on a table, none on readers and writers",
        database=database,
        planned=has,
        done=negated(has) if has else "",
    )


def reset_parameter(
    function: str, parameter: str, *, procedure: bool = False, database: str | None = None
) -> Change:
    """ALTER FUNCTION ... RESET a parameter that the function sets for itself."""
    name = ".".join(ident(part) for part in parameter.split("."))
    return Change(
        sql=f"ALTER {'PROCEDURE' if procedure else 'FUNCTION'} {function} RESET {name};",
        undo="",
        lock="none on tables; calls that have begun go on as before",
        database=database,
        planned=function_has(function, parameter),
        done=negated(function_has(function, parameter)),
    )


def relation_keyword(kind: str) -> str:
    """What COMMENT ON calls a relation of that relkind."""
    return _KINDS.get(kind, "TABLE")
