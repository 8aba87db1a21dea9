"""The pieces that the functions of an encrypted table are put together from: names, keys, contexts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pgguard.model.quote import dollar, ident, literal, qualified
from pgguard.plan.encryption import codec
from pgguard.plan.encryption.naming import beside, function, storage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgguard.model.encryption import ColumnShape, EncryptedColumn, EncryptedTable


Mode = Literal["tolerant", "strict", "inlet"]


_DEFINER = "SECURITY DEFINER\nSET search_path = pg_catalog, pg_temp"


# bodies are parsed when they run: under the caller's setting a backslash would mean something else; each
# setting costs at every call, so only where there is one
_BACKSLASH = "SET standard_conforming_strings = on"


# without it the first plans of a session hold values of rows as constants, which auto_explain prints
NO_VALUES = {"plan_cache_mode": "force_generic_plan"}


def table_name(table: EncryptedTable) -> str:
    """The quoted name that programs use."""
    return qualified(table.shape.schema, table.shape.name)


def storage_name(table: EncryptedTable) -> str:
    """The quoted name of the table after the switch."""
    if table.form == "in-place":
        return table_name(table)
    return storage(table.shape.schema, table.shape.name)


def named(table: EncryptedTable, kind: str, column: str = "") -> str:
    """The quoted name of a function of the table, or of one of its columns."""
    parts = (table.shape.schema, table.shape.name, *([column] if column else []))
    return function(kind, *parts)


def stored_column(name: str) -> str:
    """The name of the column with the encrypted values."""
    return beside(name, "pgg1")


def index_column(name: str) -> str:
    """The name of the column with the blind index."""
    return beside(name, "find")


def shape_of(table: EncryptedTable, name: str) -> ColumnShape:
    """The shape of a column that is there."""
    found = table.shape.column(name)
    if found is None:
        raise KeyError(name)
    return found


def key_columns(table: EncryptedTable) -> list[ColumnShape]:
    """The columns of the primary key, in its order."""
    return [shape_of(table, name) for name in table.shape.primary_key]


def key_arguments(table: EncryptedTable, source: str = "") -> str:
    """The key of a row as arguments: from a table's alias, or by their parameters' names."""
    if not source:
        names = [f"key_{number}" for number, _ in enumerate(key_columns(table), 1)]
        return ", ".join([*names, *(["subject"] if table.subject else [])])
    columns = [*key_columns(table), *_subject(table)]
    return ", ".join(codec.handed(one, f"{source}.{ident(one.name)}") for one in columns)


def _subject(table: EncryptedTable) -> list[ColumnShape]:
    return [shape_of(table, table.subject)] if table.subject else []


def subject_bytes(table: EncryptedTable, source: str) -> str:
    """The bytes that tell whose a row is: from a row, or from the parameter of that name."""
    column = shape_of(table, table.subject)
    value = codec.handed(column, f"{source}.{ident(column.name)}") if source else "subject"
    return codec.key_bytes(column, value)


def subject_kind(table: EncryptedTable) -> str:
    """The kind of persons, as a literal: tables of one kind share the keys of their persons."""
    return literal(table.subject_kind or table_name(table))


def sealing_keys(table: EncryptedTable, keys: str, source: str) -> str:
    """The keys that a row's value is sealed with; those of its person are made when there are none yet."""
    if not table.subject:
        return keys
    ready = f"pgguard.subject_ready({subject_kind(table)}, {subject_bytes(table, source)})"
    return f"pgguard.subject_keys({keys}, {ready})"


def opened_bytes(table: EncryptedTable, column: str, stored: str, keys: str, source: str) -> str:
    """The bytes of a stored value; NULL once its person was erased."""
    context = context_of(table, column, source)
    if not table.subject:
        return f"pgguard.pgg1_open({stored}, {keys}, {context})"
    whose = f"{subject_kind(table)}, {subject_bytes(table, source)}"
    return f"pgguard.subject_open({stored}, {keys}, {whose}, {context})"


def key_types(table: EncryptedTable) -> str:
    """The types of those arguments."""
    return ", ".join(codec.argument(one) for one in [*key_columns(table), *_subject(table)])


def signature(table: EncryptedTable, kind: str, column: str) -> str:
    """A column's open, show, mask (stored value and key) or seal (value and key), with its argument types."""
    first = codec.argument(shape_of(table, column)) if kind == "seal" else "bytea"
    return f"{named(table, kind, column)}({first}, {key_types(table)})"


def blind_signature(table: EncryptedTable, column: str) -> str:
    """The function that makes a column's blind index, with its argument types."""
    return f"{named(table, 'blind', column)}({codec.argument(shape_of(table, column))}, integer)"


def keys_setting(one: EncryptedColumn, purpose: str = "data") -> str:
    """The session's setting that holds the keys of the column's group."""
    return f"pgguard.{purpose}_{one.key_group}"


def key_number(key: int | None) -> str:
    """The number of a key as SQL: without the quotes the least one would be no integer."""
    return "NULL::integer" if key is None else f"'{key}'::integer"


def keys_of_session(setting: str) -> str:
    quoted = literal(setting)
    return (
        f"CASE WHEN pgguard.planned_for({quoted})\n"
        f"            = pg_catalog.current_setting({quoted}, true) || session_user\n"
        f"        THEN pgguard.planned_keys({quoted}) ELSE pgguard.session_keys({quoted}) END"
    )


def _hexadecimal(digits: str) -> str:
    return f"pg_catalog.decode({literal(digits)}, 'hex')"


# the version of values that were filled up
PADDED = _hexadecimal("02")


def context_of(table: EncryptedTable, column: str, source: str) -> str:
    parts = [_hexadecimal(uuid_of(table, column).replace("-", ""))]
    for number, one in enumerate(key_columns(table), 1):
        value = codec.handed(one, f"{source}.{ident(one.name)}") if source else f"key_{number}"
        parts.append(f"pgguard.part({codec.key_bytes(one, value)})")
    return " || ".join(parts)


def opened_value(table: EncryptedTable, one: EncryptedColumn, source: str) -> str:
    """A row's stored value, opened by the accessor."""
    stored = f"{source}.{ident(stored_column(one.name))}"
    return f"{named(table, 'open', one.name)}({stored}, {key_arguments(table, source)})"


def shown_value(table: EncryptedTable, name: str, source: str) -> str:
    """A row's value as the view shows it."""
    stored = f"{source}.{ident(stored_column(name))}"
    return f"{named(table, 'show', name)}({stored}, {key_arguments(table, source)})"


def uuid_of(table: EncryptedTable, column: str) -> str:
    """The uuid that is authenticated with every value of the column (RFC 9562, version 5)."""
    import uuid

    name = "\x00".join((table.database, table.shape.schema, table.shape.name, column))
    return str(uuid.uuid5(uuid.UUID("5b1f2f0e-6b0b-5d43-9b0e-0d5a8f7a9c11"), name))


def parameters_of(table: EncryptedTable, first: str) -> str:
    keys = [f"key_{number} {codec.argument(one)}" for number, one in enumerate(key_columns(table), 1)]
    keys += [f"subject {codec.argument(one)}" for one in _subject(table)]
    return ", ".join([first, *keys])


def created(
    name: str,
    parameters: str,
    returns: str,
    how: str,
    body: Iterable[str],
    *,
    declare: Sequence[str] = (),
    definer: bool = False,
    settings: dict[str, str] | None = None,
    language: str = "plpgsql",
) -> str:
    lines = [f"CREATE OR REPLACE FUNCTION {name}({parameters}) RETURNS {returns}"]
    lines.append(f"LANGUAGE {language} {how}".rstrip())
    body = list(body)
    if definer:
        lines.append(_DEFINER)
        if any("\\" in line for line in body):
            lines.append(_BACKSLASH)
    lines += [f"SET {key} = {literal(value)}" for key, value in (settings or {}).items()]
    inner: list[str] = []
    if returns == "trigger":
        # a column of the table may be called like a variable here
        inner.append("#variable_conflict use_column")
    if language == "plpgsql":
        if declare:
            inner += ["DECLARE", *(f"    {one};" for one in declare)]
        inner += ["BEGIN", *(f"    {one}" for one in body), "END"]
    else:
        inner += body
    lines.append("AS " + dollar("\n".join(inner)) + ";")
    return "\n".join(lines)


def sealed_value(table: EncryptedTable, one: EncryptedColumn, value: str, source: str, keys: str) -> str:
    column = shape_of(table, one.name)
    plain = codec.as_bytes(column, value)
    context = context_of(table, one.name, source)
    if one.padding:
        return f"pgguard.pgg1_seal(pgguard.padded({plain}, {one.padding}), {keys}, {context}, {PADDED})"
    return f"pgguard.pgg1_seal({plain}, {keys}, {context})"


def plain_type(column: ColumnShape) -> str:
    """The column's own type, without a modifier where it is PostgreSQL's: those are not kept in results."""
    return column.type if column.kind in ("d", "e") else column.base


def blinded_value(table: EncryptedTable, one: EncryptedColumn, value: str, keys: str) -> str:
    normal = f"pgguard.normal_{one.normal_form}({codec.as_text(shape_of(table, one.name), value)})"
    if one.normal_form == "exact":
        normal = codec.as_text(shape_of(table, one.name), value)
    context = _hexadecimal(uuid_of(table, one.name).replace("-", ""))
    return f"pgguard.blind({normal}, {keys}, {context})"


def selected_columns(table: EncryptedTable) -> str:
    encrypted = {one.name: one for one in table.columns}
    parts = []
    for column in table.shape.columns:
        if column.name not in encrypted:
            parts.append(f"s.{ident(column.name)}")
            continue
        shown = shown_value(table, column.name, "s")
        cast = f"::{column.type}" if column.type != plain_type(column) else ""
        collate = f" COLLATE {column.collation}" if column.collation else ""
        parts.append(
            f"({shown}){cast}{collate} AS {ident(column.name)}"
            if cast or collate
            else f"{shown} AS {ident(column.name)}"
        )
    return ",\n        ".join(parts)
