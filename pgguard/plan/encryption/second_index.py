"""What fills the second index column of a table while the key of its blind index is replaced.

The second column has a trigger of its own, so that the one that seals is not touched: it fires before, while
what is written is still there in clear. Which key the second column is made with stands in these functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import ident
from pgguard.plan.encryption import codec
from pgguard.plan.encryption.filling import BLOCKS, counted, statement, waited
from pgguard.plan.encryption.naming import beside
from pgguard.plan.encryption.pieces import (
    NO_VALUES,
    created,
    index_column,
    key_number,
    keys_of_session,
    keys_setting,
    named,
    opened_value,
    shape_of,
    stored_column,
)
from pgguard.plan.encryption.subjects import erased_row
from pgguard.plan.encryption.writing import own_types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.encryption import EncryptedColumn, EncryptedTable

# they fire before the one that seals and empties the inlet, by their names (manual, CREATE TRIGGER)
INSERT_TRIGGER = "zzz_pgguard_index_insert"
UPDATE_TRIGGER = "zzz_pgguard_index_update"
# functions over a batch of rows, and over a part
_SETTINGS = "VOLATILE\nSET search_path = pg_catalog, pg_temp\nSET row_security = off"


def second_column(name: str) -> str:
    """The name of the second column with a blind index."""
    return beside(name, "find2")


def second_trigger(table: EncryptedTable, keys: Mapping[str, int], *, tolerant: bool) -> str:
    """CREATE FUNCTION: the trigger that fills the second columns with the keys given by column.

    While it is tolerant a session that does not have the key goes on writing: what it wrote is left to the
    backfill.
    """
    body = [*own_types(table, [second_column(one.name) for one in table.columns])]
    for one in table.columns:
        body += _fill(table, one, keys[one.name], tolerant=tolerant)
    body.append("RETURN NEW;")
    return created(
        named(table, "second"),
        "",
        "trigger",
        "VOLATILE",
        body,
        declare=["keys bytea"],
        definer=True,
        settings={**NO_VALUES, **codec.settings(*(shape_of(table, one.name) for one in table.columns))},
    )


def _fill(table: EncryptedTable, one: EncryptedColumn, key: int, *, tolerant: bool) -> Iterator[str]:
    clear, stored = f"NEW.{ident(one.name)}", f"NEW.{ident(stored_column(one.name))}"
    second = f"NEW.{ident(second_column(one.name))}"
    value, number = codec.handed(shape_of(table, one.name), clear), key_number(key)
    blinded = f"{second} := {named(table, 'blind', one.name)}({value}, {number});"
    yield f"IF {clear} IS NOT NULL THEN"
    if tolerant:
        keys = keys_of_session(keys_setting(one, "index")).replace("\n    ", "\n        ")
        yield f"    keys := {keys};"
        yield f"    IF pgguard.key_in(keys, {number}) IS NULL THEN"
        yield f"        {second} := NULL;"
        yield "    ELSE"
        yield f"        {blinded}"
        yield "    END IF;"
    else:
        yield f"    {blinded}"
    # on the way back of the encryption the clear value may be there still, and is made empty
    yield f"ELSIF {stored} IS NULL OR TG_OP = 'UPDATE' AND OLD.{ident(one.name)} IS NOT NULL THEN"
    yield f"    {second} := NULL;"
    yield "END IF;"


def second_triggers(table: EncryptedTable, on: str) -> list[str]:
    """DROP and CREATE TRIGGER for the table that stores."""
    changed = []
    for one in table.columns:
        clear, stored = ident(one.name), ident(stored_column(one.name))
        changed += [
            f"NEW.{clear} IS NOT NULL",
            f"OLD.{clear} IS NOT NULL",
            f"NEW.{stored} IS NULL AND OLD.{stored} IS NOT NULL",
        ]
    call = f"EXECUTE FUNCTION {named(table, 'second')}();"
    return [
        *dropped_triggers(on),
        f"CREATE TRIGGER {INSERT_TRIGGER} BEFORE INSERT ON {on} FOR EACH ROW {call}",
        f"CREATE TRIGGER {UPDATE_TRIGGER} BEFORE UPDATE ON {on} FOR EACH ROW\n"
        f"    WHEN ({' OR '.join(changed)})\n    {call}",
    ]


def dropped_triggers(on: str) -> list[str]:
    """DROP TRIGGER of both."""
    return [f"DROP TRIGGER IF EXISTS {one} ON {on};" for one in (INSERT_TRIGGER, UPDATE_TRIGGER)]


def reindex(table: EncryptedTable, keys: Mapping[str, int]) -> str:
    """CREATE FUNCTION: fills the second columns of some blocks from the values, which are opened for it.

    A batch is kept only when every value gives the first index as it is stored: so it is known that the
    second one is made of the same.
    """
    sets, where, right = [], [], []
    for one in table.columns:
        stored, first, second = _columns(one)
        opened = opened_value(table, one, "t")
        blind = named(table, "blind", one.name)
        left = f"{stored} IS NOT NULL AND {second} IS NULL"
        if table.subject:
            # the indexes of an erased person are empty, and stay so
            left += f" AND NOT {erased_row(table, 't')}"
        made = f"{blind}({opened}, {key_number(keys[one.name])})"
        sets.append(f"{ident(second_column(one.name))} = CASE WHEN {left} THEN {made} ELSE {second} END")
        where.append(left)
        belongs = _belongs(table, f"{second} IS NOT NULL", first, f"{blind}({opened})")
        right.append(f"({stored} IS NULL OR {belongs})")
    set_list = ",\n                ".join(sets)
    missing = " OR ".join(where)
    body = [
        *counted(missing),
        *statement(
            [
                "WITH chosen AS MATERIALIZED (",
                "    SELECT t.ctid FROM ONLY %1$s AS t",
                f"    WHERE t.ctid >= $1 AND t.ctid < $2 AND ({missing})",
                "    FOR UPDATE SKIP LOCKED",
                "), indexed AS (",
                f"    UPDATE ONLY %1$s AS t SET\n                {set_list}",
                "    FROM chosen WHERE t.ctid = chosen.ctid",
                f"    RETURNING {' AND '.join(right)} AS right_",
                ")",
                "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE right_ IS NOT TRUE) "
                "FROM indexed",
            ]
        ),
        f"INTO done, wrong {BLOCKS};",
        *_wrong("the blind indexes of % rows do not belong to their values; nothing of this batch is kept"),
        *waited(f"({missing})"),
        "RETURN done;",
    ]
    return created(
        named(table, "reindex"),
        "part regclass, first_block bigint, end_block bigint",
        "bigint",
        _SETTINGS,
        body,
        declare=["done bigint", "wrong bigint"],
    )


def recheck(table: EncryptedTable, keys: Mapping[str, int]) -> str:
    """CREATE FUNCTION: opens every value and makes both of its indexes anew, to compare."""
    right = []
    for one in table.columns:
        stored, first, second = _columns(one)
        opened = opened_value(table, one, "t")
        blind = named(table, "blind", one.name)
        also = f"{second} = {blind}({opened}, {key_number(keys[one.name])})"
        belongs = _belongs(table, also, first, f"{blind}({opened})")
        right.append(f"CASE WHEN {stored} IS NULL THEN {second} IS NULL ELSE {belongs} END")
    body = [
        *statement(
            [
                "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE ("
                + " AND ".join(right)
                + ") IS NOT TRUE)",
                "FROM ONLY %1$s AS t",
            ]
        ),
        "INTO done, wrong;",
        *_wrong("the blind indexes of % rows do not belong to their values"),
        "RETURN done;",
    ]
    return created(
        named(table, "recheck"),
        "part regclass",
        "bigint",
        _SETTINGS,
        body,
        declare=["done bigint", "wrong bigint"],
    )


def _belongs(table: EncryptedTable, second: str, first: str, made: str) -> str:
    """Whether both indexes are those of the value; of an erased person there are none."""
    belongs = f"{second} AND {first} = {made}"
    return f"({belongs} OR {first} IS NULL AND {erased_row(table, 't')})" if table.subject else belongs


def _columns(one: EncryptedColumn) -> tuple[str, str, str]:
    names = (stored_column(one.name), index_column(one.name), second_column(one.name))
    stored, first, second = (f"t.{ident(name)}" for name in names)
    return stored, first, second


def _wrong(told: str) -> Iterator[str]:
    yield "IF wrong > 0 THEN"
    yield f"    RAISE EXCEPTION 'pgguard: {told}', wrong USING ERRCODE = 'PGG02';"
    yield "END IF;"
