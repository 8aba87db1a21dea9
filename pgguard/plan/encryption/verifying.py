"""The next two: what was there before is sealed, and every row is proved; indexes over blind columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import unless
from pgguard.model.finding import Change, Safety
from pgguard.model.quote import dollar, ident, literal, qualified
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption.naming import beside
from pgguard.plan.encryption.refused import names_of_constraints
from pgguard.plan.encryption.stating import (
    LONG,
    MOMENT,
    NONE,
    ONLINE,
    ROWS,
    has_constraint,
    is_usable,
    parts,
    run_call,
    step_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.encryption import EncryptedTable, IndexShape
    from pgguard.model.plan import Step


# sessions without a key may go on writing: what a last pass finds of that is left to the verification
FEW = 1000


def backfill(table: EncryptedTable) -> Step:
    name = made.table_name(table)
    function = made.named(table, "backfill")
    return step_of(
        table,
        "backfill",
        "Backfill",
        "the rows that were there before are sealed, in batches of about 1,000; each is opened again and "
        "compared with the clear value before it is kept, and what was broken off goes on where it stopped",
        [
            Change(
                run_call(table, "backfill", name, enough=FEW),
                f"DELETE FROM pgguard.backfill WHERE relation = {literal(function)};",
                ROWS,
                transactional=False,
                safety=Safety.SAFE,
                done=f"EXISTS (SELECT FROM pgguard.backfill AS b WHERE b.relation = {literal(function)})",
                why="needs a session with the key; VACUUM the table beside it",
            )
        ],
        statement_timeout=LONG,
    )


def verify(table: EncryptedTable) -> Step:
    name = made.table_name(table)
    changes = [_strict(table, name), caught_up(table, name)]
    for one in table.columns:
        sealed, required, inlet = names_of_constraints(table, one.name)
        stored, clear = ident(made.stored_column(one.name)), ident(one.name)
        index = f" AND {ident(made.index_column(one.name))} IS NOT NULL" if one.searchable else ""
        changes.append(
            _constraint(table, sealed, f"{clear} IS NULL OR ({stored} IS NOT NULL{index})", until=inlet)
        )
        if made.shape_of(table, one.name).not_null:
            changes.append(_constraint(table, required, f"{stored} IS NOT NULL"))
    changes += list(_blind_indexes(table, name))
    checked = "\n".join(f"SELECT {made.named(table, 'prove')}({literal(one)});" for one in parts(table, name))
    changes.append(
        Change(
            checked,
            "-- nothing to take back: it only looked",
            "ACCESS SHARE on the table",
            transactional=False,
            safety=Safety.SAFE,
            why="every value of every row is opened and compared with the clear one; needs a session with "
            "the key",
        )
    )
    return step_of(
        table,
        "verify",
        "Verify",
        "from here on a session without a key may no longer write these columns, and every row is proved",
        changes,
        statement_timeout=LONG,
        first="programs that write the table have a key in every session (pgguard.unlock), or the host key "
        "file is there",
    )


def _strict(table: EncryptedTable, name: str) -> Change:
    signature = literal(f"{made.named(table, 'seal')}()")
    return Change(
        f"{made.seal_trigger(table, 'strict')}\nSELECT pgguard.hand_over({signature}, ARRAY[]::text[], "
        f"true);",
        f"{made.seal_trigger(table, 'tolerant')}\nSELECT pgguard.hand_over({signature}, ARRAY[]::text[], "
        f"true);",
        NONE,
        transactional=False,
        why="no clear value is written any more that is not sealed in the same statement",
    )


def caught_up(table: EncryptedTable, name: str, kind: str = "backfill") -> Change:
    """What sessions without a key wrote since the backfill, up to the last of them."""
    waited = f"BEGIN\n    LOCK TABLE {name} IN SHARE MODE;\nEND"
    return Change(
        f"DO {dollar(waited)};\n{run_call(table, kind, name)}",
        "-- nothing to take back: what was sealed stays beside the clear values",
        "SHARE on the table, for a moment; waits for those who write it",
        transactional=False,
        safety=Safety.SAFE,
        why="after the last of those who began to write before: what they wrote without a key is sealed too",
    )


def _constraint(table: EncryptedTable, name: str, expression: str, *, until: str = "") -> Change:
    """A CHECK that holds from now on; once the constraint `until` is there it may be gone."""
    on, quoted = made.table_name(table), ident(name)
    added = f"ALTER TABLE {on} ADD CONSTRAINT {quoted} CHECK ({expression}) NOT VALID;"
    done = has_constraint(table, name, "k.convalidated")
    return Change(
        f"{unless(has_constraint(table, name), added)}\nALTER TABLE {on} VALIDATE CONSTRAINT {quoted};",
        f"ALTER TABLE {on} DROP CONSTRAINT IF EXISTS {quoted};",
        f"{MOMENT}; then {ONLINE}",
        transactional=False,
        done=f"({done} OR {has_constraint(table, until)})" if until else done,
        why="added without looking at the rows, then checked while work goes on",
    )


def _index_name(index: str) -> str:
    return beside(index, "pgg1")


def blind_definition(table: EncryptedTable, index: IndexShape) -> list[str]:
    """The columns of an index, the encrypted ones by their blind index."""
    searched = {one.name for one in table.columns if one.searchable}
    return [ident(made.index_column(one) if one in searched else one) for one in index.columns]


def _blind_indexes(table: EncryptedTable, name: str) -> Iterator[Change]:
    """Indexes over blind columns: one for each index of before, one for each searchable column."""
    encrypted = {one.name for one in table.columns}
    searched = {one.name: one for one in table.columns if one.searchable}
    done: set[str] = set()
    for index in table.shape.indexes:
        named = encrypted & set(index.columns)
        if not named or not index.plain or not named <= searched.keys():
            continue
        done |= {index.columns[0]} & searched.keys()
        yield index_change(
            table, name, _index_name(index.name), blind_definition(table, index), unique=index.unique
        )
    for column in searched:
        if column not in done:
            label = beside(f"{table.shape.name}_{column}", "find_idx")
            yield index_change(table, name, label, [ident(made.index_column(column))], unique=False)


def index_change(
    table: EncryptedTable, name: str, label: str, columns: Sequence[str], *, unique: bool
) -> Change:
    """An index that is built beside running work."""
    kind = "UNIQUE INDEX" if unique else "INDEX"
    quoted = qualified(table.shape.schema, label)
    listed = ", ".join(columns)
    usable = is_usable(quoted)
    if table.shape.kind == "p":
        # a partitioned index cannot be built beside running work: its parts are, and then it takes them over
        each = [
            f"CREATE {kind} CONCURRENTLY IF NOT EXISTS "
            f"{ident(beside(f'{label}_{number}', 'part'))} ON {part} ({listed});"
            for number, part in enumerate(table.shape.leaves, 1)
        ]
        sql = "\n".join([*each, f"CREATE {kind} IF NOT EXISTS {ident(label)} ON {name} ({listed});"])
        undo = f"DROP INDEX IF EXISTS {quoted};"
    else:
        # what a broken attempt left behind is no index
        cleared = unless(
            f"{usable} OR pg_catalog.to_regclass({literal(quoted)}) IS NULL", f"DROP INDEX {quoted};"
        )
        sql = f"{cleared}\nCREATE {kind} CONCURRENTLY IF NOT EXISTS {ident(label)} ON {name} ({listed});"
        undo = f"DROP INDEX CONCURRENTLY IF EXISTS {quoted};"
    return Change(
        sql,
        undo,
        ONLINE,
        transactional=False,
        safety=Safety.SAFE,
        done=usable,
        why="equal values are found by their blind index",
    )
