"""ALTER ROLE ... SET: a parameter for the sessions of one role."""

from __future__ import annotations

from pgguard.changes.catalog import has_setting, negated
from pgguard.model.finding import Change
from pgguard.model.quote import ident, literal


def set_for_role(role: str, name: str, value: str) -> Change:
    """Give a role that has no value of its own for the parameter this one; undone by RESET."""
    parameter = ".".join(ident(part) for part in name.split("."))
    return Change(
        sql=f"ALTER ROLE {ident(role)} SET {parameter} = {literal(value)};",
        undo=f"ALTER ROLE {ident(role)} RESET {parameter};",
        lock="ROW EXCLUSIVE on pg_db_role_setting; takes effect for new sessions",
        planned=negated(has_setting(role, name)),
        done=has_setting(role, name, value),
    )
