"""The functions of one encrypted column: to seal, to open, to show or mask, to index and to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import ident, literal
from pgguard.plan.encryption import codec
from pgguard.plan.encryption.pieces import (
    blinded_value,
    created,
    index_column,
    key_arguments,
    key_number,
    keys_of_session,
    keys_setting,
    named,
    opened_bytes,
    parameters_of,
    plain_type,
    sealed_value,
    sealing_keys,
    selected_columns,
    shape_of,
    shown_value,
    signature,
    storage_name,
    table_name,
)

if TYPE_CHECKING:
    from pgguard.model.encryption import EncryptedColumn, EncryptedTable


def seal(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: a value of the column in clear, and the row's key, to what is stored."""
    column = shape_of(table, one.name)
    return created(
        named(table, "seal", one.name),
        parameters_of(table, f"value {codec.argument(column)}"),
        "bytea",
        "VOLATILE",
        [
            "IF value IS NULL THEN RETURN NULL; END IF;",
            f"keys := {keys_of_session(keys_setting(one))};",
            f"RETURN {sealed_value(table, one, 'value', '', sealing_keys(table, 'keys', ''))};",
        ],
        declare=["keys bytea"],
        definer=True,
        settings=codec.settings(column),
    )


def open_(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: the accessor, for those who may read the value."""
    column = shape_of(table, one.name)
    opened = opened_bytes(table, one.name, "stored", "keys", "")
    return created(
        named(table, "open", one.name),
        parameters_of(table, "stored bytea"),
        codec.argument(column),
        "STABLE COST 200",
        [
            "IF stored IS NULL THEN RETURN NULL; END IF;",
            f"keys := {keys_of_session(keys_setting(one))};",
            f"RETURN {codec.from_bytes(column, opened)};",
        ],
        declare=["keys bytea"],
        definer=True,
        settings=codec.settings(column),
    )


def has_mask(one: EncryptedColumn) -> bool:
    """Whether others see something of the value."""
    return one.mask != "null"


def mask(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: what those who may not read the value see of it."""
    column = shape_of(table, one.name)
    opened = f"{named(table, 'open', one.name)}(stored, {key_arguments(table)})"
    if one.mask == "year":
        shown = f"pg_catalog.date_trunc('year', {opened}::timestamp)::{codec.argument(column)}"
        body = [f"RETURN {shown};"]
        declare: list[str] = []
    else:
        kept = int(one.mask.removeprefix("last:"))
        # a value no longer than what is kept would be shown whole
        body = [
            f"opened := {codec.as_text(column, opened)};",
            f"RETURN pg_catalog.repeat('*', pg_catalog.length(opened) - {kept}) || CASE"
            f" WHEN pg_catalog.length(opened) > 2 * {kept} THEN pg_catalog.right(opened, {kept})"
            f" ELSE pg_catalog.repeat('*', least({kept}, pg_catalog.length(opened))) END;",
        ]
        declare = ["opened text"]
    return created(
        named(table, "mask", one.name),
        parameters_of(table, "stored bytea"),
        codec.argument(column),
        "STABLE COST 200",
        body,
        declare=declare,
        definer=True,
        settings=codec.settings(column),
    )


def show(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: what the view shows to whoever asks; it runs with their rights."""
    column = shape_of(table, one.name)
    given = f"(stored, {key_arguments(table)})"
    masked = f"{named(table, 'mask', one.name)}{given}" if has_mask(one) else "NULL"
    returns = plain_type(column)
    cast = "" if returns == codec.argument(column) else f"::{returns}"
    body = ["IF stored IS NULL THEN RETURN NULL; END IF;"]
    if table.no_key == "mask":
        body.append(f"IF NOT pgguard.has_keys({literal(keys_setting(one))}) THEN RETURN NULL; END IF;")
    allowed = literal(signature(table, "open", one.name))
    body += [
        f"IF pg_catalog.has_function_privilege({allowed}::pg_catalog.regprocedure, 'EXECUTE') THEN",
        f"    RETURN {named(table, 'open', one.name)}{given}{cast};",
        "END IF;",
        f"RETURN {masked}{cast if has_mask(one) else ''};",
    ]
    return created(
        named(table, "show", one.name),
        parameters_of(table, "stored bytea"),
        returns,
        "STABLE COST 300",
        body,
    )


def index_key(table: EncryptedTable, one: EncryptedColumn, key: int | None) -> str:
    """CREATE FUNCTION: the number of the key that the column is indexed with; None: the current one.

    It is in the catalog and not in a table, so that a transaction with an old snapshot takes the same key as
    everybody. As a stable function it is put into the plans of its callers, which end when it is replaced; an
    immutable one would be evaluated for them, and they would not end.
    """
    body = [f"    SELECT {key_number(key)}"]
    return created(named(table, "index_key", one.name), "", "integer", "STABLE", body, language="sql")


def blind(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: the blind index of a value, with the key of the column unless another one is given."""
    column = shape_of(table, one.name)
    told = (
        "'pgguard: this session does not have the index key %: call pgguard.unlock($1) again', "
        "pg_catalog.encode(pg_catalog.int4send(key), 'hex')"
    )
    return created(
        named(table, "blind", one.name),
        f"value {codec.argument(column)}, key integer DEFAULT {named(table, 'index_key', one.name)}()",
        "bytea",
        "STABLE",
        [
            "IF value IS NULL THEN RETURN NULL; END IF;",
            f"keys := {keys_of_session(keys_setting(one, 'index'))};",
            "IF key IS NOT NULL THEN",
            "    keys := pgguard.key_in(keys, key);",
            "    IF keys IS NULL THEN",
            f"        RAISE EXCEPTION {told} USING ERRCODE = 'PGG03';",
            "    END IF;",
            "END IF;",
            f"RETURN {blinded_value(table, one, 'value', 'keys')};",
        ],
        declare=["keys bytea"],
        definer=True,
        settings=codec.settings(column),
    )


def find(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: rows by the value of a searchable column, through the blind index and rechecked."""
    column = shape_of(table, one.name)
    shown = shown_value(table, one.name, "s")
    found = (
        codec.as_text(column, codec.handed(column, shown))
        if column.base_kind != "e"
        else codec.handed(column, shown)
    )
    wanted = codec.as_text(column, "$1")
    if one.normal_form != "exact":
        # the forms are pgguard_keys' alone; what was found is compared by its own index
        blinded = named(table, "blind", one.name)
        recheck = f"{blinded}({codec.handed(column, shown)}) = {blinded}($1)"
    else:
        recheck = f"{found} = {wanted}"
    selected = "s.*" if table.form == "in-place" else selected_columns(table)
    body = [
        f"    SELECT {selected}",
        f"    FROM {storage_name(table)} AS s",
        f"    WHERE s.{ident(index_column(one.name))} = {named(table, 'blind', one.name)}($1)",
        f"        AND {recheck}",
    ]
    return created(
        named(table, "find", one.name),
        f"value {codec.argument(column)}",
        f"SETOF {table_name(table)}",
        "STABLE",
        body,
        language="sql",
    )
