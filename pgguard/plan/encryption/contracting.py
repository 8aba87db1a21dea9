"""The clear values go, and how they would come back; then the files are written anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import unless
from pgguard.model.finding import Change
from pgguard.model.quote import grantee, ident, literal, qualified
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption.naming import beside
from pgguard.plan.encryption.refused import names_of_constraints
from pgguard.plan.encryption.stating import (
    LONG,
    MOMENT,
    ONLINE,
    all_of,
    has_constraint,
    is_usable,
    parts,
    step_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.encryption import EncryptedColumn, EncryptedTable, IndexShape
    from pgguard.model.plan import Step


def _lost(table: EncryptedTable) -> Iterator[tuple[str, str]]:
    """What goes with the clear columns: indexes and constraints, as SQL to drop and to make them again.

    They are made beside running work, as far as PostgreSQL can: without partitions, and not for EXCLUDE.
    """
    names = {one.name for one in table.columns}
    storage = made.storage_name(table)
    for index in table.shape.indexes:
        if names & {*index.columns, *index.uses}:
            drop = f"DROP INDEX IF EXISTS {qualified(table.shape.schema, index.name)};"
            if index.constraint:
                drop = f"ALTER TABLE {storage} DROP CONSTRAINT IF EXISTS {ident(index.name)};"
            yield drop, "\n".join(_index_again(table, index, storage))
    for check in table.shape.checks:
        if names & set(check.columns or ()):
            again = [_constraint_again(table, check.name, check.definition)]
            if not check.definition.endswith(" NOT VALID"):
                again = [_constraint_again(table, check.name, f"{check.definition} NOT VALID")]
                again.append(f"ALTER TABLE {storage} VALIDATE CONSTRAINT {ident(check.name)};")
            again += _told_again("CONSTRAINT", f"{ident(check.name)} ON {storage}", check.comment)
            drop = f"ALTER TABLE {storage} DROP CONSTRAINT IF EXISTS {ident(check.name)};"
            yield drop, "\n".join(again)
    for one in table.columns:
        column = made.shape_of(table, one.name)
        altered = f"ALTER TABLE {storage} ALTER COLUMN {ident(one.name)}"
        if column.not_null_name:
            again = [
                _constraint_again(table, column.not_null_name, f"NOT NULL {ident(one.name)} NOT VALID"),
                f"ALTER TABLE {storage} VALIDATE CONSTRAINT {ident(column.not_null_name)};",
            ]
            yield f"{altered} DROP NOT NULL;", "\n".join(again)
        elif column.not_null:
            # with a constraint that was validated beside running work PostgreSQL does not look at the rows
            filled = beside(f"{table.shape.name}_{one.name}", "filled")
            again = [
                _constraint_again(table, filled, f"CHECK ({ident(one.name)} IS NOT NULL) NOT VALID"),
                f"ALTER TABLE {storage} VALIDATE CONSTRAINT {ident(filled)};",
                f"{altered} SET NOT NULL;",
                f"ALTER TABLE {storage} DROP CONSTRAINT IF EXISTS {ident(filled)};",
            ]
            yield f"{altered} DROP NOT NULL;", "\n".join(again)
        if column.settings:
            yield "", "\n".join(f"{altered} {setting};" for setting in column.settings)
    for statistics in table.shape.statistics:
        if names & set(statistics.columns):
            definition = f"{statistics.definition.removesuffix(made.table_name(table))}{storage};"
            there = (
                "EXISTS (SELECT FROM pg_catalog.pg_statistic_ext AS x JOIN pg_catalog.pg_namespace AS n "
                "ON n.oid = x.stxnamespace WHERE pg_catalog.quote_ident(n.nspname) || '.' || "
                f"pg_catalog.quote_ident(x.stxname) = {literal(statistics.name)})"
            )
            again = [
                unless(there, definition),
                f"ALTER STATISTICS {statistics.name} OWNER TO {statistics.owner};",
            ]
            again += _told_again("STATISTICS", statistics.name, statistics.comment)
            yield f"DROP STATISTICS IF EXISTS {statistics.name};", "\n".join(again)


def _told_again(kind: str, name: str, comment: str) -> list[str]:
    return [f"COMMENT ON {kind} {name} IS {literal(comment)};"] if comment else []


def _constraint_again(table: EncryptedTable, name: str, definition: str) -> str:
    add = f"ALTER TABLE {made.storage_name(table)} ADD CONSTRAINT {ident(name)} {definition};"
    return unless(has_constraint(table, name), add)


def _index_again(table: EncryptedTable, index: IndexShape, storage: str) -> Iterator[str]:
    where = qualified(table.shape.schema, index.name)
    definition = _on(index.definition, table)
    of_constraint = bool(index.constraint)
    plain = index.constraint.startswith("UNIQUE ") and " DEFERRABLE" not in index.constraint
    if table.shape.kind == "p" or (of_constraint and not plain):
        if of_constraint:
            yield _constraint_again(table, index.name, index.constraint)
        else:
            yield unless(f"pg_catalog.to_regclass({literal(where)}) IS NOT NULL", f"{definition};")
    else:
        kind = "CREATE UNIQUE INDEX " if index.unique else "CREATE INDEX "
        yield unless(
            f"{is_usable(where)} OR pg_catalog.to_regclass({literal(where)}) IS NULL", f"DROP INDEX {where};"
        )
        yield definition.replace(kind, f"{kind}CONCURRENTLY IF NOT EXISTS ", 1) + ";"
        if of_constraint:
            yield _constraint_again(table, index.name, f"UNIQUE USING INDEX {ident(index.name)}")
            yield from _told_again(
                "CONSTRAINT", f"{ident(index.name)} ON {storage}", index.constraint_comment
            )
    yield from _told_again("INDEX", where, index.comment)
    if index.clustered:
        yield f"ALTER TABLE {storage} CLUSTER ON {ident(index.name)};"


def _on(definition: str, table: EncryptedTable) -> str:
    """An index definition of pg_get_indexdef, for the table under the name it has then."""
    head, found, rest = definition.partition(f" ON {made.table_name(table)} ")
    if not found:
        head, found, rest = definition.partition(f" ON ONLY {made.table_name(table)} ")
    return f"{head} ON {made.storage_name(table)} {rest}" if found else definition


def restored(table: EncryptedTable) -> Iterator[str]:
    for _, again in _lost(table):
        yield again


def contract(table: EncryptedTable) -> Step:
    storage = made.storage_name(table)
    marks = [names_of_constraints(table, one.name)[2] for one in table.columns]
    done = all_of(has_constraint(table, mark) for mark in marks)
    sealing = f"{made.named(table, 'seal')}()"
    proving = f"{made.named(table, 'prove')}(regclass)"
    up = [f"DROP TRIGGER IF EXISTS {one} ON {storage};" for one in (made.UPDATE_TRIGGER, made.INSERT_TRIGGER)]
    replaced = []
    for one, mark in zip(table.columns, marks, strict=True):
        column = made.shape_of(table, one.name)
        quoted = ident(one.name)
        sealed, _, _ = names_of_constraints(table, one.name)
        collate = f" COLLATE {column.collation}" if column.collation else ""
        replaced += [
            *(drop for drop, _ in _lost_of(table, one) if drop),
            f"ALTER TABLE {storage} DROP CONSTRAINT IF EXISTS {ident(sealed)};",
            f"ALTER TABLE {storage} DROP COLUMN {quoted}, ADD COLUMN {quoted} {column.type}{collate};",
            *(
                [f"ALTER TABLE {storage} ALTER COLUMN {quoted} SET DEFAULT {column.default};"]
                if column.default
                else []
            ),
            f"COMMENT ON COLUMN {storage}.{quoted} IS 'pgguard: inlet, what is written here is sealed and "
            f"never kept';",
            *_column_grants(table, one.name, storage),
            f"ALTER TABLE {storage} ADD CONSTRAINT {ident(mark)} CHECK ({quoted} IS NULL) NOT VALID;",
        ]
    up += [
        unless(done, "\n    ".join(dict.fromkeys(replaced))),
        made.seal_trigger(table, "inlet"),
        f"SELECT pgguard.hand_over({literal(sealing)}, ARRAY[]::text[], true);",
        made.prove(table, inlet=True),
        f"SELECT pgguard.hand_over({literal(proving)}, ARRAY[]::text[], false);",
        *made.triggers(table, storage),
    ]
    down = [
        made.seal_trigger(table, "strict"),
        f"SELECT pgguard.hand_over({literal(sealing)}, ARRAY[]::text[], true);",
        made.prove(table, inlet=False),
        f"SELECT pgguard.hand_over({literal(proving)}, ARRAY[]::text[], false);",
        *(f"ALTER TABLE {storage} DROP CONSTRAINT IF EXISTS {ident(mark)};" for mark in marks),
    ]
    for one in table.columns:
        sealed, _, _ = names_of_constraints(table, one.name)
        column = made.shape_of(table, one.name)
        index = f" AND {ident(made.index_column(one.name))} IS NOT NULL" if one.searchable else ""
        check = f"{ident(one.name)} IS NULL OR ({ident(made.stored_column(one.name))} IS NOT NULL{index})"
        found = has_constraint(table, sealed)
        add = f"ALTER TABLE {storage} ADD CONSTRAINT {ident(sealed)} CHECK ({check}) NOT VALID;"
        down.append(unless(found, add))
        comment = literal(column.comment) if column.comment else "NULL"
        down.append(f"COMMENT ON COLUMN {storage}.{ident(one.name)} IS {comment};")
    if table.form == "view":
        up.append(made.write_trigger(table, inlet=True))
        down.append(made.write_trigger(table, inlet=False))
    return step_of(
        table,
        "contract",
        "Contract",
        "the clear values go: their columns are dropped, and empty ones of the same names take what is "
        "written",
        [
            Change(
                "\n".join(up),
                "\n".join(down),
                MOMENT,
                done=done,
                why="after this the way back opens every value again: the undo of the soak does that, and "
                "the column then stands last in the table",
            )
        ],
        risk="without the keys the values are lost from here on: look at pgguard keys status first",
        first="the keys are in escrow, and a drill with the escrow copy has opened values",
    )


def _lost_of(table: EncryptedTable, one: EncryptedColumn) -> Iterator[tuple[str, str]]:
    drop_not_null = f"ALTER TABLE {made.storage_name(table)} ALTER COLUMN {ident(one.name)} DROP NOT NULL;"
    for drop, again in _lost(table):
        if not drop.endswith("DROP NOT NULL;") or drop == drop_not_null:
            yield drop, again


def _column_grants(table: EncryptedTable, column: str, storage: str) -> Iterator[str]:
    for one in table.shape.grants:
        if one.column == column:
            option = " WITH GRANT OPTION" if one.grantable else ""
            what = f"{one.privilege} ({ident(column)})"
            yield f"GRANT {what} ON TABLE {storage} TO {grantee(one.grantee)}{option};"


def scrub(table: EncryptedTable) -> Step:
    storage = made.storage_name(table)
    marks = [names_of_constraints(table, one.name)[2] for one in table.columns]
    validated = [f"ALTER TABLE {storage} VALIDATE CONSTRAINT {ident(mark)};" for mark in marks]
    written = [f"VACUUM (FULL, ANALYZE) {one};" for one in parts(table, storage)]
    nothing = "-- nothing to take back: the rows were only written anew"
    return step_of(
        table,
        "scrub",
        "Scrub",
        "what was dropped still lies in the files of the table, in old versions of rows and in statistics: "
        "they are written anew",
        [
            Change(
                "\n".join(validated),
                nothing,
                ONLINE,
                transactional=False,
                done=all_of(has_constraint(table, mark, "k.convalidated") for mark in marks),
                why="the clear columns are empty in every row",
            ),
            Change(
                "\n".join([*written, "VACUUM (FULL) pg_catalog.pg_statistic;", "CHECKPOINT;"]),
                nothing,
                "ACCESS EXCLUSIVE on the table for as long as it takes to write it anew: nobody reads or "
                "writes",
                transactional=False,
                why="pg_repack or REPACK CONCURRENTLY do the same while work goes on, where they are "
                "installed",
            ),
        ],
        statement_timeout=LONG,
        first="a time when nobody needs the table; then `pgguard verify --residue` tells what is left, and "
        "where",
        risk=f"the table is locked while {table.shape.pages * 8 / 1024:,.0f} MiB are written",
    )
