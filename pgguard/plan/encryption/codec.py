"""How values of each type become bytes and come back, and which types cannot.

What runs with the rights of pgguard_keys converts only PostgreSQL's own types: a cast or a domain's check
that
somebody else owns would run with those rights. Text forms are made under settings that the function fixes for
itself, so that a value means the same in every session (manual, 8.5.2 and 20.11.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgguard.model.encryption import ColumnShape

_TEXT = frozenset({"text", "character varying", "character", "name", '"char"'})
_DATES = {"datestyle": "ISO, YMD"}
_ZONE = {**_DATES, "timezone": "UTC"}
_FLOAT = {"extra_float_digits": "1"}
# type without modifier -> the settings that its text form hangs on
_SETTINGS: dict[str, dict[str, str]] = {
    **{name: {} for name in _TEXT},
    **{name: {} for name in ("smallint", "integer", "bigint", "numeric", "boolean", "uuid", "oid", "bytea")},
    **{name: {} for name in ("json", "jsonb", "inet", "cidr", "macaddr", "macaddr8", "bit", "bit varying")},
    **{name: {} for name in ("time without time zone", "time with time zone")},
    "date": _DATES,
    "timestamp without time zone": _DATES,
    "timestamp with time zone": _ZONE,
    "interval": {"intervalstyle": "postgres"},
    "real": _FLOAT,
    "double precision": _FLOAT,
}
_ARRAY = "[]"
# in a cast these names mean one character and one bit (manual, 8.3 and 8.10), and the rest would be cut off
_UNLIMITED = {"character": "pg_catalog.bpchar", "bit": 'pg_catalog."bit"'}
_SEARCHABLE = _TEXT | {"smallint", "integer", "bigint", "uuid", "date", "oid"}
_INTEGERS = frozenset({"smallint", "integer", "bigint", "oid"})
_SENT = {
    "uuid": "uuid_send",
    "date": "date_send",
    "timestamp without time zone": "timestamp_send",
    "timestamp with time zone": "timestamptz_send",
}


def refused(column: ColumnShape) -> str:
    """Why values of the column's type cannot be encrypted; empty where they can."""
    if column.domain_not_null:
        return f"its domain {column.type} is NOT NULL, and what is written has to leave the column empty"
    if column.base_kind == "e":
        return ""
    base = column.base.removesuffix(_ARRAY)
    if column.base_kind != "b" or column.base_schema != "pg_catalog" or base not in _SETTINGS:
        return f"values of type {column.base} have no text form that is known to come back unchanged"
    return ""


def searchable(column: ColumnShape) -> bool:
    """Whether equality of values is equality of their text."""
    return column.base in _SEARCHABLE or column.base_kind == "e"


def argument(column: ColumnShape) -> str:
    """The type in which a value is handed to the functions that seal and open."""
    return "text" if column.base_kind == "e" else column.base


def _cast(column: ColumnShape) -> str:
    base = column.base.removesuffix(_ARRAY)
    return f"::{_UNLIMITED.get(base, base)}{column.base[len(base) :]}"


def handed(column: ColumnShape, value: str) -> str:
    """A stored value as that type; an enum through its own output function, never through a cast."""
    return f"pg_catalog.format('%s', {value})" if column.base_kind == "e" else f"({value}){_cast(column)}"


def as_text(column: ColumnShape, value: str) -> str:
    """The text of a value of the argument type."""
    return value if argument(column) == "text" else f"{value}::text"


def as_bytes(column: ColumnShape, value: str) -> str:
    """The bytes of a value of the argument type."""
    return value if column.base == "bytea" else f"pg_catalog.convert_to({as_text(column, value)}, 'UTF8')"


def from_bytes(column: ColumnShape, value: str) -> str:
    """The value of the argument type that those bytes were."""
    if column.base == "bytea":
        return value
    text = f"pg_catalog.convert_from({value}, 'UTF8')"
    return text if argument(column) == "text" else f"{text}{_cast(column)}"


def from_text(column: ColumnShape, value: str) -> str:
    """The value of the argument type that a text stands for."""
    return value if argument(column) == "text" else f"{value}{_cast(column)}"


def settings(*columns: ColumnShape) -> dict[str, str]:
    """What a function sets for itself so that the text forms are always the same."""
    found: dict[str, str] = {}
    for column in columns:
        base = column.base.removesuffix(_ARRAY)
        if column.base_kind == "b":
            found |= _SETTINGS.get(base, {})
        if column.base != base:
            found["array_nulls"] = "on"
            if base == "bytea":
                found["bytea_output"] = "hex"
    return found


def key_refused(column: ColumnShape) -> str:
    """Why the column cannot be part of the key that a value is bound to; empty where it can."""
    if column.base_kind == "e" or column.base in _TEXT | _INTEGERS | _SENT.keys() | {"numeric"}:
        return ""
    return f"key column of type {column.base}"


def key_bytes(column: ColumnShape, value: str) -> str:
    """The bytes of a part of the row's key, equal for equal keys, whatever the session's settings."""
    if column.base in _INTEGERS:
        return f"pg_catalog.int8send({value}::bigint)"
    if column.base in _SENT:
        return f"pg_catalog.{_SENT[column.base]}({value})"
    if column.base == "numeric":
        return f"pg_catalog.convert_to(pg_catalog.trim_scale({value})::text, 'UTF8')"
    return f"pg_catalog.convert_to({value}::text, 'UTF8')"
