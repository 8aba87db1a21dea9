"""Constants of conditions, and whether they mean the same in every session."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field

# the types that a constant may be cast to, by the names that PostgreSQL's grammar gives them
_PLAIN = ("int2", "int4", "int8", "numeric", "float4", "float8", "bool", "text", "varchar", "uuid")
_TIMES = ("date", "time", "timestamp", "timestamptz")
CASTS = {name: name for name in (*_PLAIN, *_TIMES)}
_FAMILIES = {
    "smallint": "number", "integer": "number", "bigint": "number", "numeric": "number", "real": "number",
    "double precision": "number", "int2": "number", "int4": "number", "int8": "number", "float4": "number",
    "float8": "number", "number": "number",
    "text": "text", "character varying": "text", "character": "text", "bpchar": "text", "varchar": "text",
    "boolean": "boolean", "bool": "boolean", "uuid": "uuid", "date": "date",
    "time without time zone": "time", "time": "time",
    "timestamp without time zone": "timestamp", "timestamp": "timestamp",
    "timestamp with time zone": "timestamptz", "timestamptz": "timestamptz",
}  # fmt: skip
_BITS = {"smallint": 15, "int2": 15, "integer": 31, "int4": 31, "bigint": 63, "int8": 63}
_LENGTH = re.compile(r"\(\d+(,-?\d+)?\)")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
_TIME = re.compile(_CLOCK + r"\Z", re.ASCII)
_STAMP = re.compile(rf"(\d{{4}}-\d\d-\d\d)([ T]{_CLOCK})?\Z", re.ASCII)
_ZONED = re.compile(rf"(\d{{4}}-\d\d-\d\d)[ T]{_CLOCK} ?(Z|[+-]\d\d(:\d\d)?)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant: its kind is string, number, boolean, or the type that it is cast to."""

    kind: str
    text: str = field(repr=False)


def family(type_: str) -> str:
    """Which types a type may be compared with; empty for one that is none of PostgreSQL's plain ones."""
    return _FAMILIES.get(_LENGTH.sub("", type_), "")


def constant_misfit(type_: str, constant: Constant) -> str:
    """Why a constant is not compared with a column of a type; empty when it may be."""
    wanted = family(type_)
    if constant.kind == "string":
        said = text_mistake(_LENGTH.sub("", type_), constant.text)
        return f"a constant for it is {said}" if said else ""
    given = family(constant.kind)
    if given == wanted or {given, wanted} == {"date", "timestamp"}:
        return ""
    if {given, wanted} & {"timestamptz"} and {given, wanted} <= {"timestamptz", "timestamp", "date"}:
        return f"{type_} against {constant.kind} depends on the session's time zone"
    return f"a {constant.kind} is not compared with {type_}"


def text_mistake(type_: str, text: str) -> str:
    """What is wrong with the text of a constant of a type, as "not a ..."; empty when nothing is.

    Only forms that every DateStyle and TimeZone reads alike: ISO 8601, with the offset from UTC where the
    type has a time zone.
    """
    kind = family(type_)
    if kind == "number":
        if not _NUMBER.match(text):
            return "not a number"
        bits = _BITS.get(type_)
        if bits is None:
            return ""
        whole = int(text) if text.lstrip("+-").isdigit() else None
        return "" if whole is not None and -(1 << bits) <= whole < 1 << bits else f"not one of {type_}"
    if kind == "boolean":
        return "" if text.lower() in ("true", "false", "t", "f") else "not true or false"
    if kind == "uuid":
        return "" if _UUID.match(text) else "not a UUID"
    if kind == "time":
        return "" if _TIME.match(text) else "not a time as 13:45:00"
    if kind == "date":
        return "" if _is_day(text) else "not a date as 2025-01-31"
    if kind == "timestamp":
        found = _STAMP.match(text)
        return "" if found and _is_day(found[1]) else "not a time as 2025-01-31 13:45:00"
    if kind == "timestamptz":
        found = _ZONED.match(text)
        return "" if found and _is_day(found[1]) else "not a time with its offset, as 2025-01-31 13:45:00+01"
    return ""


def _is_day(text: str) -> bool:
    if len(text) != len("2025-01-31"):
        return False
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return text[4] == "-" and text[7] == "-"
