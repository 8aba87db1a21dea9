"""What pgaudit needs in the database: its extension, and what its reference role may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import every, has_grant, has_setting, negated
from pgguard.model.finding import Change, Safety
from pgguard.model.quote import ident, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

_NO_WAIT = "ROW EXCLUSIVE on system catalogs; readers and writers of the object are not blocked"
_COMMENT = (
    "pgguard: the reference role of pgaudit (pgaudit.role): a statement that reads what this role may read "
    "is written to the log; nobody logs in as it, nobody is a member, and it may not enter any schema"
)


def grant_select(
    relation: str, columns: Sequence[str], role: str, *, keyword: str = "TABLE", database: str | None = None
) -> Change:
    """GRANT SELECT on columns of a relation, its name quoted, or without columns on all of it."""
    suffix = f" ({', '.join(ident(one) for one in columns)})" if columns else ""
    held = every(
        has_grant(keyword, relation, role, "SELECT", column=column, by_owner=True)
        for column in columns or [""]
    )
    return Change(
        sql=f"GRANT SELECT{suffix} ON TABLE {relation} TO {ident(role)};",
        undo=f"REVOKE SELECT{suffix} ON TABLE {relation} FROM {ident(role)};",
        lock=_NO_WAIT,
        safety=Safety.SAFE,
        database=database,
        done=held,
    )


def comment_on_reference(role: str) -> Change:
    """COMMENT ON ROLE: why somebody who cannot log in may read columns of patients."""
    known = (
        f"EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = {literal(role)} "
        f"AND pg_catalog.shobj_description(r.oid, 'pg_authid') = {literal(_COMMENT)})"
    )
    return Change(
        sql=f"COMMENT ON ROLE {ident(role)} IS {literal(_COMMENT)};",
        undo=f"COMMENT ON ROLE {ident(role)} IS NULL;",
        lock="none on tables",
        safety=Safety.SAFE,
        planned=negated(known),
        done=known,
    )


def create_extension(name: str, schema: str, *, database: str | None = None) -> Change:
    """CREATE EXTENSION in a schema that is there."""
    there = f"EXISTS (SELECT FROM pg_catalog.pg_extension AS x WHERE x.extname = {literal(name)})"
    return Change(
        sql=f"CREATE EXTENSION IF NOT EXISTS {ident(name)} SCHEMA {ident(schema)};",
        undo=f"DROP EXTENSION IF EXISTS {ident(name)};",
        lock="what the extension's own script takes; read it first",
        database=database,
        planned=negated(there),
        done=there,
    )


def set_for_role(role: str, name: str, value: str, before: str | None) -> Change:
    """ALTER ROLE ... SET, undone to the value that the role had, or to none of its own."""
    parameter = ".".join(ident(part) for part in name.split("."))
    back = f"RESET {parameter}" if before is None else f"SET {parameter} = {literal(before)}"
    return Change(
        sql=f"ALTER ROLE {ident(role)} SET {parameter} = {literal(value)};",
        undo=f"ALTER ROLE {ident(role)} {back};",
        lock="ROW EXCLUSIVE on pg_db_role_setting; takes effect for new sessions",
        safety=Safety.SAFE,
        planned=negated(has_setting(role, name)) if before is None else has_setting(role, name, before),
        done=has_setting(role, name, value),
    )
