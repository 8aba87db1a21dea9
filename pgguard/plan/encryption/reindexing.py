"""A blind index gets another key: through a second column, while programs write and search.

expand, backfill, verify, switch, soak, contract, as an encryption has them. The two columns change their names
in the switch, so that whatever searches or fills the index finds it under the name that it knows; the
functions take the key whose number the column's index_key__ function tells. Until the contract both columns are
filled, and every step back loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import unless
from pgguard.errors import InputError
from pgguard.model.finding import Change, Safety
from pgguard.model.plan import Step
from pgguard.model.quote import dollar, grantee, ident, literal, qualified
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption import second_index as second
from pgguard.plan.encryption.naming import beside
from pgguard.plan.encryption.refused import told
from pgguard.plan.encryption.reindexable import known_names, of_index, refusals, second_index_name
from pgguard.plan.encryption.stating import (
    LONG,
    MOMENT,
    NONE,
    ONLINE,
    ROWS,
    all_of,
    has_column,
    has_constraint,
    has_trigger,
    parts,
    run_call,
    slug,
    where,
)
from pgguard.plan.encryption.switching import BRIEFLY
from pgguard.plan.encryption.verifying import FEW, caught_up, index_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.encryption import BlindIndex, MovedTable

_BLOCKS = "(regclass,bigint,bigint)"
_LOOKED = "-- nothing to take back: it only looked"


def plan_reindexing(
    tables: Sequence[MovedTable], *, at_once: bool
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps in order, and what is to be done by hand.

    Unless `at_once`, verify waits for the sessions that are older than the new key. Raises `InputError` with
    everything that stands against it.
    """
    wrong = [why for one in tables for why in refusals(one)]
    if wrong:
        raise InputError("\n".join(["these indexes cannot be moved; nothing was planned:", *wrong]))
    steps = [make(one) for make in (_expand, _backfill) for one in tables]
    steps += [_verify(one, at_once=at_once) for one in tables]
    steps += [make(one) for make in (_switch, _soak, _contract) for one in tables]
    return tuple(steps), tuple(_by_hand(tables))


def hexadecimal(key: int) -> str:
    """A key's number as `pgguard keys status` shows it."""
    return f"{key & 0xFFFFFFFF:08x}"


def _by_hand(tables: Sequence[MovedTable]) -> Iterator[str]:
    groups = {one.key_group: one for table in tables for one in table.indexes}
    for group, one in groups.items():
        yield (
            f"after the contract: pgguard keys rotate --index --group {group} takes the new key "
            f"{hexadecimal(_new(one))} into use, and pgguard keys destroy --key {hexadecimal(_old(one))} ends "
            "the old one; from then on nothing here can be taken back"
        )
    if tables:
        yield (
            "before verify every program connects anew, or calls pgguard.unlock($1) again: a session that was "
            "unlocked before the new key was made goes on until then, and cannot write or search after it"
        )
    for table in tables:
        for publication in table.table.shape.publications:
            names = ", ".join(ident(second.second_column(one.column)) for one in table.indexes)
            yield (
                f"publication {ident(publication)}: subscribers need the column {names} before expand; the "
                "columns change their names in the switch, there as here"
            )


def _old(one: BlindIndex) -> int:
    assert one.made_with is not None
    return one.made_with


def _new(one: BlindIndex) -> int:
    assert one.newest is not None
    return one.newest


def _olds(moved: MovedTable) -> dict[str, int]:
    return {one.column: _old(one) for one in moved.indexes}


def _news(moved: MovedTable) -> dict[str, int]:
    return {one.column: _new(one) for one in moved.indexes}


def _registered(moved: MovedTable, first: str, condition: str) -> str:
    """That the register has the key `first` (old or new) for every index column, and the condition holds."""
    keys = _olds(moved) if first == "old" else _news(moved)
    others = _news(moved) if first == "old" else _olds(moved)
    shape = moved.table.shape
    return all_of(
        "EXISTS (SELECT FROM pgguard.encrypted_column AS e "
        f"WHERE e.table_schema = {literal(shape.schema)} AND e.table_name = {literal(shape.name)} "
        f"AND e.column_name = {literal(column)} AND e.index_key = {key} "
        f"AND {condition.format(other=others[column])})"
        for column, key in keys.items()
    )


_SECOND = "e.second_key = {other}"
# what has one of two names while they are taken in turn
_BETWEEN = "pgguard_between"


def _step(
    moved: MovedTable,
    phase: str,
    title: str,
    why: str,
    changes: Iterable[Change],
    *,
    asserts: Iterable[tuple[str, str]] = (),
    **more: object,
) -> Step:
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
    for key in dict.fromkeys([*_olds(moved).values(), *_news(moved).values()]):
        yield _exists(key), f"the index key {hexadecimal(key)} is not there any more: make a new plan"


def _exists(key: int) -> str:
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
        "                AND NOT (d.classid = 'pg_catalog.pg_class'::regclass AND d.objid IN (\n"
        f"                    SELECT pg_catalog.to_regclass(x) FROM pg_catalog.unnest("
        f"{_array(qualified_indexes)}) AS x))\n"
        "                AND NOT (d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid IN (\n"
        f"                    SELECT k.oid FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = {on}\n"
        f"                        AND k.conname = ANY ({_array(constraints)}))))",
        f"something that the plan does not know depends on an index column of {made.storage_name(table)}: "
        "make a new plan",
    )
    planned = [f"{one.column} {made.shape_of(table, one.column).type}" for one in moved.indexes]
    yield (
        "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS a "
        f"WHERE a.attrelid = {on} AND NOT a.attisdropped\n"
        "                AND pg_catalog.concat(a.attname, ' ', pg_catalog.format_type(a.atttypid, a.atttypmod)) "
        f"= ANY ({_array(planned)})) = {len(planned)}",
        f"a column of {made.storage_name(table)} has another type than it was planned with: make a new plan",
    )


def _array(names: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(map(literal, names))}]::text[]"


def _register(moved: MovedTable, values: dict[str, str]) -> str:
    """UPDATE of the register, by column."""
    shape = moved.table.shape
    return "\n".join(
        f"UPDATE pgguard.encrypted_column SET {values[one.column]}\n"
        f"WHERE table_schema = {literal(shape.schema)} AND table_name = {literal(shape.name)} "
        f"AND column_name = {literal(one.column)};"
        for one in moved.indexes
    )


def _index_keys(moved: MovedTable, keys: dict[str, int | None]) -> list[str]:
    """The functions that tell the key; whoever may call them stays."""
    return [made.index_key(moved.table, one, keys[one.name]) for one in moved.table.columns]


def _of_second(moved: MovedTable, keys: dict[str, int], *, tolerant: bool) -> list[str]:
    """The functions that fill and check the second columns, with these keys."""
    table = moved.table
    given = [
        (second.second_trigger(table, keys, tolerant=tolerant), f"{made.named(table, 'second')}()", True)
    ]
    given.append((second.reindex(table, keys), f"{made.named(table, 'reindex')}{_BLOCKS}", False))
    given.append((second.recheck(table, keys), f"{made.named(table, 'recheck')}(regclass)", False))
    return [
        f"{sql}\nSELECT pgguard.hand_over({literal(name)}, ARRAY[]::text[], {str(to_keys).lower()});"
        for sql, name, to_keys in given
    ]


def _without_second(moved: MovedTable, on: str) -> list[str]:
    table = moved.table
    dropped = ", ".join(
        f"DROP COLUMN IF EXISTS {ident(second.second_column(one.column))}" for one in moved.indexes
    )
    return [
        *second.dropped_triggers(on),
        f"DROP FUNCTION IF EXISTS {made.named(table, 'second')}();",
        f"DROP FUNCTION IF EXISTS {made.named(table, 'reindex')}{_BLOCKS};",
        f"DROP FUNCTION IF EXISTS {made.named(table, 'recheck')}(regclass);",
        *(f"ALTER TABLE {on} DROP CONSTRAINT IF EXISTS {ident(one)};" for one in known_names(moved)[2]),
        f"ALTER TABLE {on} {dropped};",
        f"DELETE FROM pgguard.backfill WHERE relation = {literal(made.named(table, 'reindex'))};",
    ]


def _with_second(moved: MovedTable, on: str) -> list[str]:
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


def _expand(moved: MovedTable) -> Step:
    table, on = moved.table, made.storage_name(moved.table)
    olds, news = _olds(moved), _news(moved)
    began = {
        one.column: f"index_key = {olds[one.column]}, "
        f"second_column = {literal(second.second_column(one.column))}, second_key = {news[one.column]}"
        for one in moved.indexes
    }
    before = {
        one.column: f"index_key = {'NULL' if one.key is None else one.key}, second_column = NULL, "
        "second_key = NULL"
        for one in moved.indexes
    }
    up = [
        *_with_second(moved, on),
        _register(moved, began),
        *_index_keys(moved, dict(olds)),
        *_of_second(moved, news, tolerant=True),
        *second.second_triggers(table, on),
    ]
    down = [
        *_without_second(moved, on),
        *_index_keys(moved, {one.column: one.key for one in moved.indexes}),
        _register(moved, before),
    ]
    done = all_of(
        [
            *(has_column(table, second.second_column(one.column)) for one in moved.indexes),
            has_trigger(table, second.INSERT_TRIGGER),
            _registered(moved, "old", _SECOND),
        ]
    )
    return _step(
        moved,
        "expand",
        "Expand",
        f"a second index column beside the first, made with the new key: whatever is written from now on fills "
        f"both. A session that does not have the new key goes on writing and searching as before",
        [
            Change(
                "\n".join(up),
                "\n".join(down),
                MOMENT,
                safety=Safety.SAFE,
                done=done,
                why="adding a column rewrites nothing; searches go on by the first",
            )
        ],
        asserts=[(f"NOT ({_registered(moved, 'new', 'true')})", "the index has the new key already")],
        risk="a prepared SELECT * of the table that stores fails until it is prepared anew",
    )


_NOT_YET = "the index columns are not those that this step goes by: the steps before it come first"


def _backfill(moved: MovedTable) -> Step:
    function = literal(made.named(moved.table, "reindex"))
    return _step(
        moved,
        "backfill",
        "Backfill",
        "the rows that were there before get the second index, in batches; each value is opened for it, and "
        "gives the first index again, or nothing of the batch is kept",
        [
            Change(
                run_call(moved.table, "reindex", made.storage_name(moved.table), enough=FEW),
                f"DELETE FROM pgguard.backfill WHERE relation = {function};",
                ROWS,
                transactional=False,
                safety=Safety.SAFE,
                done=f"EXISTS (SELECT FROM pgguard.backfill AS b WHERE b.relation = {function})",
                why="needs a session with the key; VACUUM the table beside it",
            )
        ],
        asserts=[(_registered(moved, "old", _SECOND), _NOT_YET)],
        statement_timeout=LONG,
    )


def _full(moved: MovedTable) -> list[Change]:
    """The second columns are filled in every row, indexed like the first, and proved."""
    table, on = moved.table, made.storage_name(moved.table)
    changes = [caught_up(table, on, "reindex")]
    for one in moved.indexes:
        name = ident(of_index(table, one.column))
        check = (
            f"({ident(made.stored_column(one.column))} IS NULL) = "
            f"({ident(second.second_column(one.column))} IS NULL)"
        )
        there = has_constraint(table, of_index(table, one.column))
        added = f"ALTER TABLE {on} ADD CONSTRAINT {name} CHECK ({check}) NOT VALID;"
        changes.append(
            Change(
                f"{unless(there, added)}\nALTER TABLE {on} VALIDATE CONSTRAINT {name};",
                f"ALTER TABLE {on} DROP CONSTRAINT IF EXISTS {name};",
                f"{MOMENT}; then {ONLINE}",
                transactional=False,
                done=has_constraint(table, of_index(table, one.column), "k.convalidated"),
                why="no value is without its second index from now on",
            )
        )
    seconds = {one.index: second.second_column(one.column) for one in moved.indexes}
    for index in table.shape.indexes:
        if seconds.keys() & set(index.columns):
            columns = [ident(seconds.get(one, one)) for one in index.columns]
            label = second_index_name(index.name)
            # its end waits for every transaction that still sees rows without the second index
            changes.append(index_change(table, on, label, columns, unique=index.unique))
    return [*changes, _proof(moved)]


def _proof(moved: MovedTable) -> Change:
    table = moved.table
    calls = [
        f"SELECT {made.named(table, 'recheck')}({literal(one)});"
        for one in parts(table, made.storage_name(table))
    ]
    return Change(
        "\n".join(calls),
        _LOOKED,
        "ACCESS SHARE on the table",
        transactional=False,
        safety=Safety.SAFE,
        why="every value of every row is opened and compared with both indexes; needs a session with the key",
    )


def _verify(moved: MovedTable, *, at_once: bool) -> Step:
    table = moved.table
    news = _news(moved)
    signature = literal(f"{made.named(table, 'second')}()")

    def trigger(*, tolerant: bool) -> str:
        sql = second.second_trigger(table, news, tolerant=tolerant)
        return f"{sql}\nSELECT pgguard.hand_over({signature}, ARRAY[]::text[], true);"

    strict = Change(
        trigger(tolerant=False),
        trigger(tolerant=True),
        NONE,
        transactional=False,
        why="nothing is written any more without its second index",
    )
    asserts = [(_registered(moved, "old", _SECOND), _NOT_YET)]
    if not at_once:
        asserts += [_nobody_older(key) for key in dict.fromkeys(news.values())]
    return _step(
        moved,
        "verify",
        "Verify",
        "from here on a session without the new key can no longer write these columns; every row has both "
        "indexes and is proved",
        [strict, *_full(moved)],
        asserts=asserts,
        statement_timeout=LONG,
        first="programs have connected anew since the new key was made",
    )


def _nobody_older(key: int) -> tuple[str, str]:
    # the transaction that makes a key is over within a minute; what is hidden from us counts as older
    return (
        "NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a JOIN pgguard.key AS k "
        f"ON k.id = {key}\n"
        "            WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()\n"
        "                AND coalesce(a.backend_type, 'client backend') = 'client backend'\n"
        "                AND coalesce(a.backend_start < k.created_at + '1 minute'::interval, true))",
        f"sessions are open that began before the index key {hexadecimal(key)} was made, or within a minute of "
        "it, or that you may not see: end them or let them connect anew, and run this again; plan with "
        "--at-once to go on without waiting for them",
    )


def _switch(moved: MovedTable) -> Step:
    table = moved.table
    olds, news = _olds(moved), _news(moved)
    done = _registered(moved, "new", _SECOND)
    undone = _registered(moved, "old", _SECOND)
    names = {one.column: second.second_column(one.column) for one in moved.indexes}

    def registered(first: dict[str, int], other: dict[str, int]) -> str:
        return _register(
            moved,
            {
                column: f"index_key = {first[column]}, second_column = {literal(name)}, "
                f"second_key = {other[column]}"
                for column, name in names.items()
            },
        )

    up = [
        BRIEFLY,
        _swapped(moved, done),
        *_index_keys(moved, dict(news)),
        *_of_second(moved, olds, tolerant=False),
        registered(news, olds),
    ]
    down = [
        BRIEFLY,
        _swapped(moved, undone),
        *_index_keys(moved, dict(olds)),
        *_of_second(moved, news, tolerant=False),
        registered(olds, news),
    ]
    return _step(
        moved,
        "switch",
        "Switch",
        "the two index columns and their indexes change their names, and the functions take the new key, in one "
        "transaction: whoever searches finds by the old one before it and by the new one after it",
        [
            Change(
                "\n".join(up),
                "\n".join(down),
                MOMENT,
                done=done,
                why="one transaction, tried again when the lock cannot be had in time",
            )
        ],
        asserts=[(f"({undone} OR {done})", _NOT_YET), _all_full(moved)],
    )


def _all_full(moved: MovedTable) -> tuple[str, str]:
    held = [
        has_constraint(moved.table, of_index(moved.table, one.column), "k.convalidated")
        for one in moved.indexes
    ]
    return all_of(held), "the second index is not known to be complete: verify comes first"


def _swapped(moved: MovedTable, done: str) -> str:
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
        "            JOIN pg_catalog.pg_index AS j ON j.indexrelid = other_of.oid AND j.indrelid = i.indrelid",
        "            JOIN pg_catalog.pg_class AS x ON x.oid = first_of.oid",
        "            JOIN pg_catalog.pg_class AS y ON y.oid = other_of.oid",
        "            JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace",
        "        LOOP",
        *(
            f"            EXECUTE pg_catalog.format('ALTER INDEX %I.%I RENAME TO %I', one.nspname, {old}, {new});"
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


def _soak(moved: MovedTable) -> Step:
    olds = _olds(moved)
    full = _full(moved)
    return _step(
        moved,
        "soak",
        "Soak",
        "searches go by the new key while the old index is still filled beside it: a time in which everything "
        "can be taken back. This file proves every row once more",
        [
            Change(
                _proof(moved).sql,
                "\n".join(one.sql for one in full),
                "ACCESS SHARE on the table",
                transactional=False,
                safety=Safety.SAFE,
                why="needs a session with the key. Its undo is the way back after the contract: it fills the "
                "old index again",
            )
        ],
        asserts=[(_registered(moved, "new", _SECOND), _NOT_YET)],
        statement_timeout=LONG,
    )


def _contract(moved: MovedTable) -> Step:
    table, on = moved.table, made.storage_name(moved.table)
    olds, news = _olds(moved), _news(moved)
    gone = _registered(moved, "new", "e.second_column IS NULL")
    up = [
        BRIEFLY,
        *_without_second(moved, on),
        _register(moved, dict.fromkeys(news, "second_column = NULL, second_key = NULL")),
    ]
    raised = literal("pgguard: the old index key was destroyed: there is no way back")
    lost = "\n    OR ".join(f"NOT {_exists(key)}" for key in dict.fromkeys(olds.values()))
    stop = f"BEGIN\n    IF {lost} THEN\n        RAISE EXCEPTION USING MESSAGE = {raised};\n    END IF;\nEND"
    down = [
        f"DO {dollar(stop)};",
        *_with_second(moved, on),
        *_of_second(moved, olds, tolerant=False),
        *second.second_triggers(table, on),
        _register(
            moved,
            {
                column: f"second_column = {literal(second.second_column(column))}, second_key = {key}"
                for column, key in olds.items()
            },
        ),
    ]
    return _step(
        moved,
        "contract",
        "Contract",
        "the old index goes with its column: nothing is made with the old key any more, which can be destroyed",
        [
            Change(
                "\n".join(up), "\n".join(down), MOMENT, done=gone, why="the undo of the soak fills it again"
            )
        ],
        asserts=[(f"({_registered(moved, 'new', _SECOND)} OR {gone})", _NOT_YET)],
        first="programs search and write by the new key without a failure",
    )
