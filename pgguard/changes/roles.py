"""ALTER ROLE: attributes and settings of a role."""

from __future__ import annotations

from pgguard.analysis.search_path import parse
from pgguard.changes.catalog import has_setting, negated, role_is
from pgguard.changes.settings import HARMLESS
from pgguard.model.finding import Change, Safety
from pgguard.model.quote import ident, literal

_LOCK = "ROW EXCLUSIVE on pg_authid; sessions go on"
# whose value is a list: as one string it would be a list of one
LISTS = frozenset(
    {
        "search_path",
        "temp_tablespaces",
        "local_preload_libraries",
        "session_preload_libraries",
        "shared_preload_libraries",
        "unix_socket_directories",
    }
)


def alter_role(role: str, attribute: str, undo: str) -> Change:
    """ALTER ROLE with one attribute (`NOSUPERUSER`), undone by the other (`SUPERUSER`)."""
    before, after = _condition(undo), _condition(attribute)
    return Change(
        sql=f"ALTER ROLE {ident(role)} {attribute};",
        undo=f"ALTER ROLE {ident(role)} {undo};" if undo else "",
        lock=_LOCK,
        planned=role_is(role, before) if before and after else "",
        done=role_is(role, after) if before and after else "",
    )


def reset_setting(name: str, *, role: str = "", database: str = "", value: str | None = None) -> Change:
    """Remove a role's or database's own setting.

    `value` is what it was, for the undo; None when it was a secret or is not known, and then there
    is no undo.
    """
    if role:
        where = f"ALTER ROLE {ident(role)}" + (f" IN DATABASE {ident(database)}" if database else "")
    elif database:
        where = f"ALTER DATABASE {ident(database)}"
    else:
        where = "ALTER ROLE ALL"
    return Change(
        sql=f"{where} RESET {_parameter(name)};",
        undo="" if value is None else f"{where} SET {_parameter(name)} = {_value(name, value)};",
        lock="ROW EXCLUSIVE on pg_db_role_setting; takes effect for new sessions",
        safety=Safety.SAFE if name in HARMLESS else Safety.REVIEW,
        planned=has_setting(role, name, value, database=database),
        done=negated(has_setting(role, name, database=database)),
    )


def _condition(attribute: str) -> str:
    """What the attribute makes of a row of pg_roles; empty for what that does not show."""
    if attribute in _SHOWN:
        return f"r.{_SHOWN[attribute]}"
    if attribute.startswith("NO") and attribute.removeprefix("NO") in _SHOWN:
        return f"NOT r.{_SHOWN[attribute.removeprefix('NO')]}"
    if attribute.startswith(_LIMIT) and attribute.removeprefix(_LIMIT).lstrip("-").isdigit():
        return f"r.rolconnlimit = {attribute.removeprefix(_LIMIT)}"
    return ""


_LIMIT = "CONNECTION LIMIT "
_SHOWN = {
    "SUPERUSER": "rolsuper",
    "INHERIT": "rolinherit",
    "CREATEROLE": "rolcreaterole",
    "CREATEDB": "rolcreatedb",
    "LOGIN": "rolcanlogin",
    "REPLICATION": "rolreplication",
    "BYPASSRLS": "rolbypassrls",
}


def _parameter(name: str) -> str:
    return ".".join(ident(part) for part in name.split("."))


def _value(name: str, value: str) -> str:
    if name in LISTS:
        return ", ".join(literal(part) for part in parse(value)) or "''"
    return literal(value)
