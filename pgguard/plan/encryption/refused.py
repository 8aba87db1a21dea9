"""What cannot be encrypted, told before anything is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import ident, qualified
from pgguard.plan.encryption import codec, subjects
from pgguard.plan.encryption.functions import index_column, stored_column, table_name
from pgguard.plan.encryption.naming import beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.encryption import EncryptedColumn, EncryptedTable

OLDEST = 14
_FEW = 100
_MASKS = ("null", "year")


def refusals(table: EncryptedTable, *, major: int) -> Iterator[str]:
    """Why the table, or columns of it, cannot be encrypted as asked for; each names what and why."""
    yield from table_refusals(table, major=major)
    for one in table.columns:
        yield from column_refusals(table, one)


def table_refusals(table: EncryptedTable, *, major: int) -> Iterator[str]:
    """What of the table itself stands against it."""
    for why in _of_table(table, major):
        yield f"{table_name(table)}: {why}"


def column_refusals(table: EncryptedTable, one: EncryptedColumn) -> Iterator[str]:
    """What stands against one of its columns."""
    column = table.shape.column(one.name)
    told = f"{table_name(table)}.{ident(one.name)}"
    if column is None:
        yield f"{told}: there is no such column"
        return
    for why in (*_of_column(table, one), *_of_search(table, one), *_of_mask(table, one)):
        yield f"{told}: {why}"


def _of_table(table: EncryptedTable, major: int) -> Iterator[str]:
    shape = table.shape
    if major < OLDEST:
        yield f"encryption needs PostgreSQL {OLDEST} or later, and this is {major}"
    if shape.kind == "f":
        yield "it is a foreign table: encrypt it where it is stored"
    elif shape.kind not in "rp":
        yield "it is no table"
    if shape.persistence == "t":
        yield "it is a temporary table"
    if shape.is_partition:
        yield "it is a partition: encrypt the partitioned table, and its partitions go with it"
    if shape.foreign_leaves:
        yield f"its partition {shape.foreign_leaves[0]} is a foreign table"
    if shape.inherits or (shape.kind == "r" and shape.children):
        yield "it is part of an inheritance tree, whose tables are read through one another"
    if shape.typed:
        yield "it is a typed table (CREATE TABLE OF)"
    if not shape.primary_key:
        yield "it has no primary key, and a value is bound to the key of its row: add one first"
    for key in shape.primary_key:
        column = shape.column(key)
        if column is not None and (why := codec.key_refused(column)):
            yield f"{why}: values cannot be bound to it"
    if any(one.name in shape.primary_key for one in table.columns):
        yield "a column of its primary key cannot be encrypted: values are bound to it"
    if table.subject:
        yield from subjects.refusals(table)
    if shape.encoding == "SQL_ASCII":
        yield "the database has the encoding SQL_ASCII: what its bytes mean is not known"
    if table.form == "view" and shape.row_security and major < 15:
        yield "it has row security, and a view before 15 would read it as its owner: use in-place"
    if table.form == "view" and shape.rules:
        yield f"it has rules ({', '.join(map(ident, shape.rules))}), which would stay with the renamed table"
    if table.form == "view" and shape.bound_functions and "bound-function" not in table.acknowledged:
        yield (
            f"functions are bound to it by its number ({', '.join(shape.bound_functions)}) and would read "
            "the renamed table: acknowledge bound-function, and create them again after the switch"
        )
    if table.form == "in-place" and shape.bound_functions and "bound-function" not in table.acknowledged:
        yield (
            f"functions are bound to it ({', '.join(shape.bound_functions)}): those that read the clear "
            "column stop the contract, acknowledge bound-function when none does"
        )
    if table.form == "view" and shape.row_type_functions and "row-type" not in table.acknowledged:
        yield (
            f"functions use its row type ({', '.join(shape.row_type_functions)}), which goes with the "
            "renamed table: acknowledge row-type, and create them again after the switch"
        )
    if table.form == "view" and "column-grants" not in table.acknowledged:
        for why in _of_grants(table, major):
            yield (
                f"{why}, and would lose it behind a view: use in-place, grant it on the table, or "
                "acknowledge column-grants"
            )
    for view in shape.views:
        if view.kind == "m" and set(view.columns or ()) & {one.name for one in table.columns}:
            yield f"the materialized view {view.name} holds values of it in clear: drop it first"
    taken = {one.name for one in shape.columns}
    for one in table.columns:
        for made in (stored_column(one.name), index_column(one.name)):
            column = shape.column(made)
            if made in taken and column is not None and not column.comment.startswith("pgguard: "):
                yield f"there is already a column {ident(made)}"
    for trigger in shape.triggers:
        if not (trigger.row and trigger.enabled != "D") or trigger.name.startswith("zzz_pgguard_"):
            continue
        if trigger.before and trigger.name > "zzz_pgguard_":
            yield f"its trigger {ident(trigger.name)} would fire after the one that seals: rename it"
        if trigger.update and not trigger.columns and "update-triggers" not in table.acknowledged:
            yield (
                f"its trigger {ident(trigger.name)} would fire for every row of the backfill as if a "
                "program had changed it: acknowledge update-triggers, when that does no harm"
            )


def _of_grants(table: EncryptedTable, major: int) -> Iterator[str]:
    """Who has a privilege that the view cannot pass on.

    With security_invoker, from 15 on, each column that the view reads is asked for; its trigger writes all
    columns, and looks at what was there (manual, CREATE VIEW and GRANT).
    """
    whole = {(one.grantee, one.privilege) for one in table.shape.grants if not one.column}
    told: dict[tuple[str, str], str] = {}
    for one in table.shape.grants:
        has = {(one.grantee, one.privilege), ("public", one.privilege)} & whole
        reads = {(one.grantee, "SELECT"), ("public", "SELECT")} & whole
        if (
            one.column
            and not has
            and (one.privilege in ("INSERT", "UPDATE") or (one.privilege, major > 14) == ("SELECT", True))
        ):
            told[one.grantee, one.privilege] = "on single columns only"
        elif (
            not one.column
            and not reads
            and (one.privilege == "UPDATE" or (one.privilege, major > 14) == ("DELETE", True))
        ):
            told[one.grantee, one.privilege] = "without SELECT on the table"
    for (who, privilege), how in told.items():
        yield f"{who if who == 'public' else ident(who)} has {privilege} {how}"


def _of_column(table: EncryptedTable, one: EncryptedColumn) -> Iterator[str]:
    shape = table.shape
    column = shape.column(one.name)
    if column is None:
        return
    if why := codec.refused(column):
        yield why
    if column.generated:
        yield "it is a generated column: encrypt what it is generated from"
    if column.identity:
        yield "it is an identity column"
    if one.name in shape.generated_from:
        yield "a generated column is computed from it"
    if one.name in shape.partition_key:
        yield "it decides in which partition a row is"
    if one.name in shape.policy_columns:
        yield "a row policy reads it"
    for key in shape.foreign_keys:
        if one.name in (key.columns or ()):
            where = f"references {key.to}" if key.outgoing else f"is referenced by {key.from_}"
            yield (
                f"the foreign key {ident(key.name)} {where}: PostgreSQL compares the two columns in clear, "
                "and the blind index of a value is another one in each column; let the foreign key go over a "
                "key that is no personal datum, or leave both columns in clear"
            )
    for check in shape.checks:
        if one.name in (check.columns or ()) and check.foreign_code:
            yield f"its check {ident(check.name)} calls code that is not PostgreSQL's own"
    for published in shape.published:
        if one.name in published.columns:
            yield f"the publication {ident(published.name)} lists it: take it out of that list first"
    if table.form == "in-place":
        for view in shape.views:
            if view.kind == "v" and one.name in (view.columns or ()):
                yield f"the view {view.name} reads it, and would find nothing: use form view, or drop it"
    for index in shape.indexes:
        if index.replica_identity and one.name in {*index.columns, *index.uses}:
            yield f"its index {ident(index.name)} is the replica identity, and goes with the clear column"
        if not index.unique or one.name not in {*index.columns, *index.uses}:
            continue
        if index.plain and one.name not in index.columns:
            # only included in it: that goes with the clear column
            continue
        if " NULLS NOT DISTINCT" in index.definition:
            yield f"it is unique ({ident(index.name)}) with NULLS NOT DISTINCT, which a blind index is not"
        elif " DEFERRABLE" in index.constraint:
            yield f"its unique constraint {ident(index.name)} is deferrable, and a blind index cannot be"
        elif not index.plain:
            yield f"the unique index {ident(index.name)} is over an expression or a part of the rows"
        elif not one.searchable:
            yield f"it is unique ({ident(index.name)}): it needs a blind index (searchable = true)"
        elif one.normal_form != "exact":
            yield f"it is unique ({ident(index.name)}): under {one.normal_form} more are alike, use exact"
    for trigger in shape.triggers:
        if one.name in trigger.columns and table.form == "view":
            yield f"its trigger {ident(trigger.name)} is for changes of this column alone"


def _of_search(table: EncryptedTable, one: EncryptedColumn) -> Iterator[str]:
    column = table.shape.column(one.name)
    if not one.searchable or column is None:
        return
    if not codec.searchable(column):
        yield f"a blind index tells equal texts, and equal values of {column.base} can have different ones"
    if one.normal_form != "exact" and codec.argument(column) not in (
        "text",
        "character varying",
        "character",
    ):
        yield f"the form {one.normal_form} is for texts"
    if column.distinct is None:
        yield "how many different values it has is not known: ANALYZE it before it gets a blind index"
        return
    filled = table.shape.rows * (1 - (column.null_fraction or 0.0))
    different = column.distinct if column.distinct >= 0 else -column.distinct * table.shape.rows
    unique = any(index.unique and one.name in index.columns for index in table.shape.indexes)
    if filled > _FEW and different < _FEW and not unique:
        yield (
            f"it has about {different:.0f} different values in {filled:,.0f} rows: in a blind index the "
            "most frequent one would be recognised by how often it is there"
        )


def _of_mask(table: EncryptedTable, one: EncryptedColumn) -> Iterator[str]:
    column = table.shape.column(one.name)
    if column is None:
        return
    kind = codec.argument(column)
    last = one.mask.removeprefix("last:")
    if one.mask == "year":
        if not kind.startswith(("date", "timestamp")):
            yield f"the mask year is for dates, and it is {kind}"
    elif one.mask.startswith("last:"):
        if not last.isdigit() or not 0 < int(last) < 100:
            yield "the mask last:N needs a number of characters"
        elif kind not in ("text", "character varying") or column.kind != "b":
            yield f"the mask {one.mask} is for texts, and it is {column.type}"
    elif one.mask not in _MASKS:
        yield f"there is no mask {one.mask}: null, year or last:N"
    if one.padding < 0 or one.padding > 4096:
        yield "padding is a number of bytes, up to 4096"


def names_of_constraints(table: EncryptedTable, name: str) -> tuple[str, str, str]:
    """The names of a column's constraints: its value is sealed, required, and out of the inlet."""
    base = f"{table.shape.name}_{name}"
    return beside(base, "sealed"), beside(base, "required"), beside(base, "inlet")


def told(table: EncryptedTable) -> str:
    """The table and its columns in words."""
    names = ", ".join(ident(one.name) for one in table.columns)
    return f"{qualified(table.shape.schema, table.shape.name)} ({names})"
