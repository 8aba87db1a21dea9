"""Constants of an erasure: zeros of types, and conditions whose constants travel as parameters."""

from __future__ import annotations

from pgguard.analysis.expression import statements, tokens
from pgguard.analysis.sqltree import literal, walk

_ZEROS = {
    "text": "''",
    "character varying": "''",
    "character": "''",
    "bytea": "''::pg_catalog.bytea",
    "smallint": "0",
    "integer": "0",
    "bigint": "0",
    "numeric": "0",
    "real": "0",
    "double precision": "0",
    "boolean": "false",
    "date": "'1900-01-01'::pg_catalog.date",
    "timestamp without time zone": "'1900-01-01'::pg_catalog.timestamp",
    "timestamp with time zone": "'1900-01-01 00:00+00'::pg_catalog.timestamptz",
    "uuid": "'00000000-0000-0000-0000-000000000000'::pg_catalog.uuid",
    "json": "'{}'::pg_catalog.json",
    "jsonb": "'{}'::pg_catalog.jsonb",
    "inet": "'0.0.0.0'::pg_catalog.inet",
    "interval": "'0'::pg_catalog.interval",
}
# how a number is given to the server, so that it compares as the constant would have
_NUMBERS = {"ICONST": "int8", "FCONST": "numeric"}


def zero(base: str) -> str:
    """The SQL of a value of a type that says nothing; empty for a type that has none here."""
    return _ZEROS.get(base, "")


def bound(sql: str) -> tuple[str, tuple[str, ...]]:
    """A condition that `read_predicate` wrote, with $1, $2 ... where its constants stood, and these.

    Constants may be personal: in a statement's text they would reach logs and pg_stat_activity.
    """
    values: list[str] = []
    parts: list[str] = []
    at = 0
    text = sql.encode()
    for token in tokens(sql):
        if token.kind == "SCONST":
            value = _value(token.written)
            cast = ""
        elif token.kind in _NUMBERS:
            value = token.written
            cast = f"::pg_catalog.{_NUMBERS[token.kind]}"
        else:
            continue
        values.append(value)
        parts.append(f"{text[at : token.start].decode()}${len(values)}{cast}")
        at = token.end
    return "".join([*parts, text[at:].decode()]), tuple(values)


def _value(written: str) -> str:
    (tree,) = statements(f"SELECT {written}")
    return next(literal(fields) or "" for kind, fields in walk(tree) if kind == "A_Const")
