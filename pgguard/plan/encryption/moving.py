"""What the steps that move a blind index are stated with: keys, the register, functions and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.plan import Step
from pgguard.model.quote import dollar, grantee, ident, literal, qualified
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption import second_index as second
from pgguard.plan.encryption.refused import told
from pgguard.plan.encryption.reindexable import known_names, second_index_name
from pgguard.plan.encryption.stating import all_of, slug, where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.encryption import BlindIndex, MovedTable
    from pgguard.model.finding import Change

BLOCKS = "(regclass,bigint,bigint)"


def hexadecimal(key: int) -> str:
    """A key's number as `pgguard keys status` shows it."""
    return f"{key & 0xFFFFFFFF:08x}"


def old_key(one: BlindIndex) -> int:
    """The number of the key that the index is made with when it is planned."""
    if one.made_with is None:
        raise KeyError(one.key_group)
    return one.made_with


def new_key(one: BlindIndex) -> int:
    """The number of the key that it gets."""
    if one.newest is None:
        raise KeyError(one.key_group)
    return one.newest


def old_keys(moved: MovedTable) -> dict[str, int]:
    """The numbers by column."""
    return {one.column: old_key(one) for one in moved.indexes}


def new_keys(moved: MovedTable) -> dict[str, int]:
    """The numbers by column."""
    return {one.column: new_key(one) for one in moved.indexes}


def registered(moved: MovedTable, first: str, condition: str) -> str:
    """That the register has the key `first` (old or new) for every index column, and the condition holds."""
    keys = old_keys(moved) if first == "old" else new_keys(moved)
    others = new_keys(moved) if first == "old" else old_keys(moved)
    shape = moved.table.shape
    return all_of(
        "EXISTS (SELECT FROM pgguard.encrypted_column AS e "
        f"WHERE e.table_schema = {literal(shape.schema)} AND e.table_name = {literal(shape.name)} "
        f"AND e.column_name = {literal(column)} AND e.index_key = {key} "
        f"AND {condition.format(other=others[column])})"
        for column, key in keys.items()
    )


# the second column is there with the other key, or is gone
SECOND = "e.second_key = {other}"
GONE = "e.second_column IS NULL"
# what has one of two names while they are taken in turn
_BETWEEN = "pgguard_between"


def has_moved(moved: MovedTable) -> str:
    """That the first index columns are made with the new keys: from the switch on."""
    return registered(moved, "new", "true")


def moving_step(
    moved: MovedTable,
    phase: str,
    title: str,
    why: str,
    changes: Iterable[Change],
    *,
    asserts: Iterable[tuple[str, str]] = (),
    **more: object,
) -> Step:
    """A step of the move; it asserts that keys, types and what hangs on the columns are as planned."""
    table = moved.table
    return Step(
        slug=slug(table, f"index_{phase}"),
        title=f"{title} the blind index of {told(table)}",
        why=why,
        changes=tuple(changes),
        database=table.database,
        phase=f"index-{phase}",
        asserts=(*_keys_are_there(moved), *_as_planned(moved), *asserts),
        **more,  # type: ignore[arg-type]
    )


def _keys_are_there(moved: MovedTable) -> Iterator[tuple[str, str]]:
    for key in dict.fromkeys([*old_keys(moved).values(), *new_keys(moved).values()]):
        yield key_exists(key), f"the index key {hexadecimal(key)} is not there any more: make a new plan"


def key_exists(key: int) -> str:
    """That an index key is there and not destroyed."""
    return (
        f"EXISTS (SELECT FROM pgguard.key AS k WHERE k.id = {key} AND k.purpose = 'index' "
        "AND k.state <> 'destroyed')"
    )


def _as_planned(moved: MovedTable) -> Iterator[tuple[str, str]]:
    """What goes by an index column goes by its place in the table, and would stay with the old one."""
    table = moved.table
    columns, indexes, constraints = known_names(moved)
    on = where(table)
    qualified_indexes = [qualified(table.shape.schema, one) for one in indexes]
    yield (
        "NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_attribute AS a "
        "ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid\n"
        f"            WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = {on}\n"
        f"                AND a.attname = ANY ({_array(columns)})\n"
        "                AND (d.classid = 'pg_catalog.pg_class'::regclass AND d.objid IN (\n"
        f"                    SELECT pg_catalog.to_regclass(x) FROM pg_catalog.unnest("
        f"{_array(qualified_indexes)}) AS x)) IS NOT TRUE\n"
        "                AND NOT (d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid IN (\n"
        f"                    SELECT k.oid FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = {on}\n"
        f"                        AND k.conname = ANY ({_array(constraints)}))))",
        f"something that the plan does not know depends on an index column of {made.storage_name(table)}: "
        "make a new plan",
    )
    for one in table.columns:
        signature = made.blind_signature(table, one.name)
        yield (
            f"pg_catalog.to_regprocedure({literal(signature)}) IS NOT NULL",
            f"{made.table_name(table)}.{ident(one.name)} was encrypted by an earlier version, whose "
            "functions take no other key: take its encryption back, and encrypt it again",
        )
    planned = [f"{one.column} {made.shape_of(table, one.column).type}" for one in moved.indexes]
    yield (
        "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS a "
        f"WHERE a.attrelid = {on} AND NOT a.attisdropped\n"
        "                AND pg_catalog.concat(a.attname, ' ', "
        f"pg_catalog.format_type(a.atttypid, a.atttypmod)) = ANY ({_array(planned)})) = {len(planned)}",
        f"a column of {made.storage_name(table)} has another type than it was planned with: make a new plan",
    )


def _array(names: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(map(literal, names))}]::text[]"


def register(moved: MovedTable, values: dict[str, str]) -> str:
    """UPDATE of the register, by column."""
    shape = moved.table.shape
    return "\n".join(
        f"UPDATE pgguard.encrypted_column SET {values[one.column]}\n"
        f"WHERE table_schema = {literal(shape.schema)} AND table_name = {literal(shape.name)} "
        f"AND column_name = {literal(one.column)};"
        for one in moved.indexes
    )


def index_keys(moved: MovedTable, keys: dict[str, int | None]) -> list[str]:
    """The functions that tell the key; whoever may call them stays."""
    return [made.index_key(moved.table, one, keys[one.name]) for one in moved.table.columns]


def functions_of_second(moved: MovedTable, keys: dict[str, int], *, tolerant: bool) -> list[str]:
    """The functions that fill and check the second columns, with these keys."""
    table = moved.table
    given = [
        (second.second_trigger(table, keys, tolerant=tolerant), f"{made.named(table, 'second')}()", True)
    ]
    given.append((second.reindex(table, keys), f"{made.named(table, 'reindex')}{BLOCKS}", False))
    given.append((second.recheck(table, keys), f"{made.named(table, 'recheck')}(regclass)", False))
    return [
        f"{sql}\nSELECT pgguard.hand_over({literal(name)}, ARRAY[]::text[], {str(to_keys).lower()});"
        for sql, name, to_keys in given
    ]


def without_second(moved: MovedTable, on: str) -> list[str]:
    """Statements that take the second columns away, with everything that goes by them."""
    table = moved.table
    dropped = ", ".join(
        f"DROP COLUMN IF EXISTS {ident(second.second_column(one.column))}" for one in moved.indexes
    )
    return [
        *second.dropped_triggers(on),
        f"DROP FUNCTION IF EXISTS {made.named(table, 'second')}();",
        f"DROP FUNCTION IF EXISTS {made.named(table, 'reindex')}{BLOCKS};",
        f"DROP FUNCTION IF EXISTS {made.named(table, 'recheck')}(regclass);",
        *(f"ALTER TABLE {on} DROP CONSTRAINT IF EXISTS {ident(one)};" for one in known_names(moved)[2]),
        f"ALTER TABLE {on} {dropped};",
        f"DELETE FROM pgguard.backfill WHERE relation = {literal(made.named(table, 'reindex'))};",
    ]


def with_second(moved: MovedTable, on: str) -> list[str]:
    """Statements that add the second columns, with the privileges that the first ones have of their own."""
    table = moved.table
    names = [second.second_column(one.column) for one in moved.indexes]
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {ident(one)} bytea" for one in names)
    lines = [f"ALTER TABLE {on} {added};"]
    lines += [f"COMMENT ON COLUMN {on}.{ident(one)} IS 'pgguard: blind index';" for one in names]
    for one in moved.indexes:
        for grant in table.shape.grants:
            if grant.column == one.index:
                option = " WITH GRANT OPTION" if grant.grantable else ""
                what = f"{grant.privilege} ({ident(second.second_column(one.column))})"
                lines.append(f"GRANT {what} ON TABLE {on} TO {grantee(grant.grantee)}{option};")
    return lines


def swapped(moved: MovedTable, done: str) -> str:
    """The names of the columns, and of their indexes with those of partitions, taken in turn."""
    table, on = moved.table, made.storage_name(moved.table)
    seconds = {one.index: second.second_column(one.column) for one in moved.indexes}
    renamed = [
        f"ALTER TABLE {on} RENAME COLUMN {ident(old)} TO {ident(new)};"
        for first, other in seconds.items()
        for old, new in ((first, _BETWEEN), (other, first), (_BETWEEN, other))
    ]
    firsts = [one.name for one in table.shape.indexes if seconds.keys() & set(one.columns)]
    schema = table.shape.schema
    lists = (
        _array(qualified(schema, one) for one in firsts),
        _array(qualified(schema, second_index_name(one)) for one in firsts),
    )
    of_both = [
        f"CROSS JOIN LATERAL (SELECT pair.{one}::regclass AS oid UNION SELECT t.relid FROM "
        f"pg_catalog.pg_partition_tree(pair.{one}::regclass) AS t) AS {one}_of"
        for one in ("first", "other")
    ]
    body = [
        "DECLARE",
        "    one record;",
        "BEGIN",
        f"    IF NOT ({done}) THEN",
        *(f"        {line}" for line in renamed),
        "        FOR one IN",
        "            SELECT n.nspname, x.relname AS first, y.relname AS other",
        f"            FROM ROWS FROM (pg_catalog.unnest({lists[0]}),",
        f"                pg_catalog.unnest({lists[1]})) AS pair (first, other)",
        *(f"            {line}" for line in of_both),
        "            JOIN pg_catalog.pg_index AS i ON i.indexrelid = first_of.oid",
        "            JOIN pg_catalog.pg_index AS j ON j.indexrelid = other_of.oid",
        "                AND j.indrelid = i.indrelid",
        "            JOIN pg_catalog.pg_class AS x ON x.oid = first_of.oid",
        "            JOIN pg_catalog.pg_class AS y ON y.oid = other_of.oid",
        "            JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace",
        "        LOOP",
        *(
            "            EXECUTE pg_catalog.format('ALTER INDEX %I.%I RENAME TO %I', one.nspname, "
            f"{old}, {new});"
            for old, new in (
                ("one.first", literal(_BETWEEN)),
                ("one.other", "one.first"),
                (literal(_BETWEEN), "one.other"),
            )
        ),
        "        END LOOP;",
        "    END IF;",
        "END",
    ]
    return f"DO {dollar(chr(10).join(body))};"
