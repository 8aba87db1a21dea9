"""What goes over the rows of a table: to seal them, to open them again, to seal them anew, to prove them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import ident, literal
from pgguard.plan.encryption import codec
from pgguard.plan.encryption.pieces import (
    created,
    index_column,
    key_arguments,
    named,
    opened_value,
    shape_of,
    stored_column,
)
from pgguard.plan.encryption.subjects import erased_row, prove_erased

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.encryption import EncryptedColumn, EncryptedTable


def statement(lines: Sequence[str]) -> list[str]:
    """Lines for EXECUTE, with the part's name put in; a percent sign of theirs is doubled for format()."""
    escaped = [f"    {one.replace('%', '%%').replace('ONLY %%1$s AS t', 'ONLY %1$s AS t')}" for one in lines]
    # a name may hold whatever quotes
    tag = next(tag for tag in map("$statement{}$".format, ("", *range(100))) if tag not in "".join(lines))
    return [f"EXECUTE pg_catalog.format({tag}", *escaped, f"    {tag}, part)"]


BLOCKS = "USING pg_catalog.format('(%s,0)', first_block)::tid, pg_catalog.format('(%s,0)', end_block)::tid"


def backfill(table: EncryptedTable) -> str:
    """CREATE FUNCTION: seals the rows of some blocks, opens each and compares, before anything is kept."""
    sets, sames = [], []
    for one in table.columns:
        column = shape_of(table, one.name)
        clear, stored = f"t.{ident(one.name)}", ident(stored_column(one.name))
        given = codec.handed(column, clear)
        sealed = f"{named(table, 'seal', one.name)}({given}, {key_arguments(table, 't')})"
        value = f"CASE WHEN {clear} IS NOT NULL THEN {sealed} END"
        sets.append(f"{stored} = {value}")
        if one.searchable:
            sets.append(
                f"{ident(index_column(one.name))} = CASE WHEN {clear} IS NOT NULL "
                f"THEN {named(table, 'blind', one.name)}({given}) END"
            )
        sames.append(same(table, one, "t"))
    set_list = ",\n                ".join(sets)
    body = [
        *counted(missing(table, "t")),
        *statement(
            [
                "WITH chosen AS MATERIALIZED (",
                "    SELECT t.ctid FROM ONLY %1$s AS t",
                "    WHERE t.ctid >= $1 AND t.ctid < $2",
                f"        AND ({missing(table, 't')})",
                "    -- a row that somebody is changing is left for a later pass, so that nobody waits in a "
                "circle",
                "    FOR UPDATE SKIP LOCKED",
                "), sealed AS (",
                f"    UPDATE ONLY %1$s AS t SET\n                {set_list}",
                "    FROM chosen WHERE t.ctid = chosen.ctid",
                f"    RETURNING {' AND '.join(sames)} AS same",
                ")",
                "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE same IS NOT TRUE) FROM sealed",
            ]
        ),
        f"INTO done, wrong {BLOCKS};",
        "IF wrong > 0 THEN",
        "    RAISE EXCEPTION 'pgguard: % encrypted values did not come back as they were; nothing of this "
        "batch is kept', wrong",
        "        USING ERRCODE = 'PGG02';",
        "END IF;",
        *waited(f"({missing(table, 't')})"),
        "RETURN done;",
    ]
    return created(
        named(table, "backfill"),
        "part regclass, first_block bigint, end_block bigint",
        "bigint",
        "VOLATILE\nSET search_path = pg_catalog, pg_temp\nSET row_security = off",
        body,
        declare=["done bigint", "wrong bigint"],
    )


def counted(left: str, more: str = "") -> Iterator[str]:
    """Without an end it counts what is left at one moment: rows move while batches go over the blocks."""
    looked = statement(["SELECT pg_catalog.count(*) FROM ONLY %1$s AS t", f"WHERE {left}"])
    yield "IF end_block IS NULL THEN"
    yield from (f"    {line}" for line in looked)
    yield f"    INTO done USING first_block, end_block{more};"
    yield "    RETURN done;"
    yield "END IF;"


def waited(left: str) -> Iterator[str]:
    """What is left where nothing could be done is locked: one such row is waited for; a pass follows.

    Nothing else is held meanwhile, so that nobody waits in a circle.
    """
    looked = statement(
        ["SELECT 1 FROM ONLY %1$s AS t", f"WHERE t.ctid >= $1 AND t.ctid < $2 AND {left} LIMIT 1 FOR UPDATE"]
    )
    yield "IF done = 0 THEN"
    yield from (f"    {line}" for line in looked)
    yield f"    INTO done {BLOCKS};"
    yield "    RETURN coalesce(done, 0);"
    yield "END IF;"


def same(table: EncryptedTable, one: EncryptedColumn, source: str) -> str:
    """Whether a row's encrypted value opens to its clear one, byte by byte."""
    column = shape_of(table, one.name)
    opened = opened_value(table, one, source)
    # the column as it is, not as it was handed over: what that changed has to be seen here
    clear = f"{source}.{ident(one.name)}"
    if column.base_kind == "e":
        clear = f"CASE WHEN {clear} IS NOT NULL THEN {codec.handed(column, clear)} END"
    if column.base == "bytea":
        return f"({opened} IS NOT DISTINCT FROM {clear})"
    bytewise = '::text COLLATE pg_catalog."C"'
    return f"(({opened}){bytewise} IS NOT DISTINCT FROM ({clear}){bytewise})"


def missing(table: EncryptedTable, source: str) -> str:
    """Which rows have a clear value that is not sealed yet."""
    parts = []
    for one in table.columns:
        clear = f"{source}.{ident(one.name)}"
        stored = f"{source}.{ident(stored_column(one.name))}"
        parts.append(f"{clear} IS NOT NULL AND {stored} IS NULL")
        if one.searchable:
            parts.append(f"{clear} IS NOT NULL AND {source}.{ident(index_column(one.name))} IS NULL")
    return " OR ".join(parts)


def refill(table: EncryptedTable) -> str:
    """CREATE FUNCTION: the way back after the clear column was dropped: opens the rows of some blocks."""
    sets: list[str] = []
    where: list[str] = []
    for one in table.columns:
        column = shape_of(table, one.name)
        stored = f"t.{ident(stored_column(one.name))}"
        opened = opened_value(table, one, "t")
        cast = "" if codec.argument(column) == column.type else f"::{column.type}"
        sets.append(f"{ident(one.name)} = coalesce(t.{ident(one.name)}, {opened}{cast})")
        left = f"{stored} IS NOT NULL AND t.{ident(one.name)} IS NULL"
        # of a person who was erased there is nothing to bring back
        where.append(f"{left} AND NOT {erased_row(table, 't')}" if table.subject else left)
    set_list = ",\n            ".join(sets)
    body = [
        *counted(" OR ".join(where)),
        *statement(
            [
                "WITH chosen AS MATERIALIZED (",
                f"    SELECT t.ctid FROM ONLY %1$s AS t WHERE t.ctid >= $1 AND t.ctid < $2 AND "
                f"({' OR '.join(where)})",
                "    FOR UPDATE SKIP LOCKED",
                ")",
                f"UPDATE ONLY %1$s AS t SET\n            {set_list}",
                "FROM chosen WHERE t.ctid = chosen.ctid",
            ]
        ),
        f"{BLOCKS};",
        "GET DIAGNOSTICS done = ROW_COUNT;",
        *waited(f"({' OR '.join(where)})"),
        "RETURN done;",
    ]
    return created(
        named(table, "refill"),
        "part regclass, first_block bigint, end_block bigint",
        "bigint",
        "VOLATILE\nSET search_path = pg_catalog, pg_temp\nSET row_security = off",
        body,
        declare=["done bigint"],
    )


def reseal(table: EncryptedTable) -> str:
    """CREATE FUNCTION: after a rotation, seals the rows of some blocks again with the current key."""
    sets: list[str] = []
    where: list[str] = []
    for one in table.columns:
        stored = f"t.{ident(stored_column(one.name))}"
        opened = opened_value(table, one, "t")
        old = f"pg_catalog.substr({stored}, 2, 4) <> $3[{len(sets) + 1}]"
        again = f"{named(table, 'seal', one.name)}({opened}, {key_arguments(table, 't')})"
        if table.subject:
            # no key opens an erased person's value: it only gets the number of the key in use, so that none
            # of before is kept for it
            renamed = f"pg_catalog.overlay({stored}, $3[{len(sets) + 1}], 2, 4)"
            again = f"coalesce({again}, {renamed})"
        sets.append(f"{ident(stored_column(one.name))} = CASE WHEN {old} THEN {again} ELSE {stored} END")
        where.append(old)
    set_list = ",\n            ".join(sets)
    groups = ", ".join(f"pgguard.current_key({literal(one.key_group)})" for one in table.columns)
    body = [
        *counted(" OR ".join(where), f", ARRAY[{groups}]"),
        *statement(
            [
                "WITH chosen AS MATERIALIZED (",
                f"    SELECT t.ctid FROM ONLY %1$s AS t WHERE t.ctid >= $1 AND t.ctid < $2 AND "
                f"({' OR '.join(where)})",
                "    FOR UPDATE SKIP LOCKED",
                ")",
                f"UPDATE ONLY %1$s AS t SET\n            {set_list}",
                "FROM chosen WHERE t.ctid = chosen.ctid",
            ]
        ),
        f"{BLOCKS},",
        f"    ARRAY[{groups}];",
        "GET DIAGNOSTICS done = ROW_COUNT;",
        "RETURN done;",
    ]
    return created(
        named(table, "reseal"),
        "part regclass, first_block bigint, end_block bigint",
        "bigint",
        "VOLATILE\nSET search_path = pg_catalog, pg_temp\nSET row_security = off",
        body,
        declare=["done bigint"],
    )


def prove(table: EncryptedTable, *, inlet: bool) -> str:
    """CREATE FUNCTION: opens every value of the table; while the clear one is there, compares the two."""
    right = []
    for one in table.columns:
        if inlet:
            opened = opened_value(table, one, "t")
            kept = f"({opened} IS NULL) = (t.{ident(stored_column(one.name))} IS NULL)"
            right.append(f"(t.{ident(one.name)} IS NULL AND {prove_erased(table, kept, 't')})")
        else:
            right.append(same(table, one, "t"))
        if one.searchable:
            index, stored = (f"t.{ident(made(one.name))}" for made in (index_column, stored_column))
            right.append(prove_erased(table, f"(({index} IS NULL) = ({stored} IS NULL))", "t"))
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
        "IF wrong > 0 THEN",
        "    RAISE EXCEPTION 'pgguard: in % of % rows the encrypted values are not the clear ones', wrong, "
        "done",
        "        USING ERRCODE = 'PGG02';",
        "END IF;",
        "RETURN done;",
    ]
    return created(
        named(table, "prove"),
        "part regclass",
        "bigint",
        "VOLATILE\nSET search_path = pg_catalog, pg_temp\nSET row_security = off",
        body,
        declare=["done bigint", "wrong bigint"],
    )
