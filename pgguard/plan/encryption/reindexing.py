"""A blind index gets another key: through a second column, while programs write and search.

expand, backfill, verify, switch, soak, contract, as an encryption has them. The two columns change their
names in the switch, so that whatever searches or fills the index finds it under the name that it knows; the
functions take the key whose number the column's index_key__ function tells. Until the contract both columns
are filled, and no step back loses anything.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pgguard.changes.catalog import unless
from pgguard.errors import InputError
from pgguard.model.finding import Change, Safety
from pgguard.model.quote import dollar, ident, literal
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption import second_index as second
from pgguard.plan.encryption.moving import (
    GONE,
    SECOND,
    functions_of_second,
    has_moved,
    hexadecimal,
    index_keys,
    key_exists,
    moving_step,
    new_key,
    new_keys,
    old_key,
    old_keys,
    register,
    registered,
    swapped,
    with_second,
    without_second,
)
from pgguard.plan.encryption.reindexable import of_index, refusals, second_index_name
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
)
from pgguard.plan.encryption.switching import BRIEFLY
from pgguard.plan.encryption.verifying import FEW, caught_up, index_change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.encryption import MovedTable
    from pgguard.model.plan import Step

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


def _by_hand(tables: Sequence[MovedTable]) -> Iterator[str]:
    groups = {one.key_group: one for table in tables for one in table.indexes}
    for group, one in groups.items():
        yield (
            f"after the contract: pgguard keys rotate --index --group {group} takes the new key "
            f"{hexadecimal(new_key(one))} into use, and pgguard keys destroy --key "
            f"{hexadecimal(old_key(one))} ends the old one; from then on nothing here can be taken back"
        )
    if tables:
        yield (
            "before verify every program connects anew, or calls pgguard.unlock($1) again: a session that "
            "was unlocked before the new key was made goes on until then, and cannot write or search after it"
        )
    for table in tables:
        for publication in table.table.shape.publications:
            names = ", ".join(ident(second.second_column(one.column)) for one in table.indexes)
            yield (
                f"publication {ident(publication)}: subscribers need the column {names} before expand; the "
                "columns change their names in the switch, there as here"
            )


def _expand(moved: MovedTable) -> Step:
    table, on = moved.table, made.storage_name(moved.table)
    olds, news = old_keys(moved), new_keys(moved)
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
        *with_second(moved, on),
        register(moved, began),
        *index_keys(moved, dict(olds)),
        *functions_of_second(moved, news, tolerant=True),
        *second.second_triggers(table, on),
    ]
    down = [
        *without_second(moved, on),
        *index_keys(moved, {one.column: one.key for one in moved.indexes}),
        register(moved, before),
    ]
    done = all_of(
        [
            *(has_column(table, second.second_column(one.column)) for one in moved.indexes),
            has_trigger(table, second.INSERT_TRIGGER),
            registered(moved, "old", SECOND),
        ]
    )
    return moving_step(
        moved,
        "expand",
        "Expand",
        "a second index column beside the first, made with the new key: whatever is written from now on "
        "fills both. A session that does not have the new key goes on writing and searching as before",
        [
            Change(
                "\n".join(up),
                "\n".join(down),
                MOMENT,
                safety=Safety.SAFE,
                done=f"({done} OR {has_moved(moved)})",
                why="adding a column rewrites nothing; searches go on by the first",
            )
        ],
        asserts=[(f"NOT ({has_moved(moved)})", "the index has the new key already")],
        risk="a prepared SELECT * of the table that stores fails until it is prepared anew",
    )


_NOT_YET = "the index columns are not those that this step goes by: the steps before it come first"


def _backfill(moved: MovedTable) -> Step:
    function = literal(made.named(moved.table, "reindex"))
    return moving_step(
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
                done=f"(EXISTS (SELECT FROM pgguard.backfill AS b WHERE b.relation = {function}) "
                f"OR {has_moved(moved)})",
                why="needs a session with the key; VACUUM the table beside it",
            )
        ],
        asserts=[(registered(moved, "old", SECOND), _NOT_YET)],
        statement_timeout=LONG,
    )


def _full(moved: MovedTable) -> list[Change]:
    """The second columns are filled in every row, indexed like the first, and proved."""
    table, on = moved.table, made.storage_name(moved.table)
    gone = registered(moved, "new", GONE)
    changes = [caught_up(table, on, "reindex")]
    for one in moved.indexes:
        name = ident(of_index(table, one.column))
        # of an erased person the sealed value is there still, and both indexes are empty
        first = made.index_column(one.column) if table.subject else made.stored_column(one.column)
        check = f"({ident(first)} IS NULL) = ({ident(second.second_column(one.column))} IS NULL)"
        there = has_constraint(table, of_index(table, one.column))
        added = f"ALTER TABLE {on} ADD CONSTRAINT {name} CHECK ({check}) NOT VALID;"
        changes.append(
            Change(
                f"{unless(there, added)}\nALTER TABLE {on} VALIDATE CONSTRAINT {name};",
                f"ALTER TABLE {on} DROP CONSTRAINT IF EXISTS {name};",
                f"{MOMENT}; then {ONLINE}",
                transactional=False,
                done=f"({has_constraint(table, of_index(table, one.column), 'k.convalidated')} OR {gone})",
                why="no value is without its second index from now on",
            )
        )
    seconds = {one.index: second.second_column(one.column) for one in moved.indexes}
    for index in table.shape.indexes:
        if seconds.keys() & set(index.columns):
            columns = [ident(seconds.get(one, one)) for one in index.columns]
            label = second_index_name(index.name)
            # its end waits for every transaction that still sees rows without the second index
            made_so = index_change(table, on, label, columns, unique=index.unique)
            changes.append(replace(made_so, done=f"({made_so.done} OR {gone})"))
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
    news = new_keys(moved)
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
    asserts = [(registered(moved, "old", SECOND), _NOT_YET)]
    if not at_once:
        asserts += [_nobody_older(key) for key in dict.fromkeys(news.values())]
    return moving_step(
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
        "            WHERE a.datname = pg_catalog.current_database()\n"
        "                AND a.pid <> pg_catalog.pg_backend_pid()\n"
        "                AND coalesce(a.backend_type, 'client backend') = 'client backend'\n"
        "                AND coalesce(a.backend_start < k.created_at + '1 minute'::interval, true))",
        f"sessions are open that began before the index key {hexadecimal(key)} was made, or within a minute "
        "of it, or that you may not see: end them or let them connect anew, and run this again; plan with "
        "--at-once to go on without waiting for them",
    )


def _switch(moved: MovedTable) -> Step:
    olds, news = old_keys(moved), new_keys(moved)
    done = registered(moved, "new", SECOND)
    undone = registered(moved, "old", SECOND)
    names = {one.column: second.second_column(one.column) for one in moved.indexes}

    def noted(first: dict[str, int], other: dict[str, int]) -> str:
        return register(
            moved,
            {
                column: f"index_key = {first[column]}, second_column = {literal(name)}, "
                f"second_key = {other[column]}"
                for column, name in names.items()
            },
        )

    up = [
        BRIEFLY,
        swapped(moved, done),
        *index_keys(moved, dict(news)),
        *functions_of_second(moved, olds, tolerant=False),
        noted(news, olds),
    ]
    down = [
        BRIEFLY,
        swapped(moved, undone),
        *index_keys(moved, dict(olds)),
        *functions_of_second(moved, news, tolerant=False),
        noted(olds, news),
    ]
    return moving_step(
        moved,
        "switch",
        "Switch",
        "the two index columns and their indexes change their names, and the functions take the new key, in "
        "one transaction: whoever searches finds by the old one before it and by the new one after it",
        [
            Change(
                "\n".join(up),
                "\n".join(down),
                MOMENT,
                done=has_moved(moved),
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


def _soak(moved: MovedTable) -> Step:
    return moving_step(
        moved,
        "soak",
        "Soak",
        "searches go by the new key while the old index is still filled beside it: a time in which "
        "everything can be taken back. This file proves every row once more",
        [
            Change(
                _proof(moved).sql,
                "\n".join(one.sql for one in _full(moved)),
                "ACCESS SHARE on the table",
                transactional=False,
                safety=Safety.SAFE,
                why="needs a session with the key. Its undo is the way back after the contract: it fills the "
                "old index again",
            )
        ],
        asserts=[(registered(moved, "new", SECOND), _NOT_YET)],
        statement_timeout=LONG,
    )


def _contract(moved: MovedTable) -> Step:
    table, on = moved.table, made.storage_name(moved.table)
    olds, news = old_keys(moved), new_keys(moved)
    gone = registered(moved, "new", GONE)
    up = [
        BRIEFLY,
        *without_second(moved, on),
        register(moved, dict.fromkeys(news, "second_column = NULL, second_key = NULL")),
    ]
    raised = literal("pgguard: the old index key was destroyed: there is no way back")
    lost = "\n    OR ".join(f"NOT {key_exists(key)}" for key in dict.fromkeys(olds.values()))
    stop = f"BEGIN\n    IF {lost} THEN\n        RAISE EXCEPTION USING MESSAGE = {raised};\n    END IF;\nEND"
    down = [
        f"DO {dollar(stop)};",
        *with_second(moved, on),
        *functions_of_second(moved, olds, tolerant=False),
        *second.second_triggers(table, on),
        register(
            moved,
            {
                column: f"second_column = {literal(second.second_column(column))}, second_key = {key}"
                for column, key in olds.items()
            },
        ),
    ]
    return moving_step(
        moved,
        "contract",
        "Contract",
        "the old index goes with its column: nothing is made with the old key any more, and it"
        " can be destroyed",
        [
            Change(
                "\n".join(up), "\n".join(down), MOMENT, done=gone, why="the undo of the soak fills it again"
            )
        ],
        asserts=[(f"({registered(moved, 'new', SECOND)} OR {gone})", _NOT_YET)],
        first="programs search and write by the new key without a failure",
    )
