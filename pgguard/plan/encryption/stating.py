"""What the steps of a table are stated with: where it is, what holds, which locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.plan import Step
from pgguard.model.quote import literal
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption import subjects
from pgguard.plan.encryption.planned_on import still_as_planned
from pgguard.plan.encryption.refused import told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.encryption import EncryptedTable
    from pgguard.model.finding import Change


MOMENT = "ACCESS EXCLUSIVE on the table, for a moment; waits for those who read it"


TRIGGER = "SHARE ROW EXCLUSIVE on the table, for a moment; readers go on"


ONLINE = "SHARE UPDATE EXCLUSIVE on the table: reading and writing go on"


NONE = "none on tables"


ROWS = "ROW EXCLUSIVE on the table, and the rows of one batch"


_ESCROW = (
    (
        "EXISTS (SELECT FROM pgguard.kek AS k WHERE k.state = 'current' AND k.escrow_at IS NOT NULL "
        "AND k.drill_at IS NOT NULL)",
        "nobody has opened anything with an escrow copy of the key-encryption key yet, and without that key "
        "the values are lost: pgguard keys escrow, then pgguard keys restore-drill",
    ),
)


LONG = "0"


def slug(table: EncryptedTable, what: str) -> str:
    plain = "".join(one if one.isascii() and one.isalnum() else "_" for one in table.shape.name.lower())
    return f"{what}_{plain[:40]}"


def step_of(
    table: EncryptedTable, phase: str, title: str, why: str, changes: Iterable[Change], **more: object
) -> Step:
    return Step(
        slug=slug(table, phase),
        title=f"{title} {told(table)}",
        why=why,
        changes=tuple(changes),
        database=table.database,
        phase=phase,
        asserts=(
            *still_as_planned(table, phase, where(table)),
            *_keys_are_there(table),
            *(subjects.asserts(table, where(table)) if table.subject else ()),
            *(_ESCROW if phase == "contract" else ()),
        ),
        **more,  # type: ignore[arg-type]
    )


def _keys_are_there(table: EncryptedTable) -> tuple[tuple[str, str], ...]:
    wanted = [(one.key_group, "data") for one in table.columns]
    wanted += [(one.key_group, "index") for one in table.columns if one.searchable]
    return tuple(
        (
            "EXISTS (SELECT FROM pgguard.key AS k WHERE k.state = 'current' "
            f"AND k.key_group = {literal(group)} AND k.purpose = {literal(purpose)})",
            f"there is no {purpose} key of the group {group}: run pgguard keys init --group {group} first",
        )
        for group, purpose in dict.fromkeys(wanted)
    )


def where(table: EncryptedTable) -> str:
    """The table that stores, by SQL: before the switch and after it."""
    storage, name = literal(made.storage_name(table)), literal(made.table_name(table))
    if storage == name:
        return f"pg_catalog.to_regclass({name})"
    return f"coalesce(pg_catalog.to_regclass({storage}), pg_catalog.to_regclass({name}))"


def has_constraint(table: EncryptedTable, name: str, condition: str = "") -> str:
    more = f" AND {condition}" if condition else ""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_constraint AS k "
        f"WHERE k.conrelid = {where(table)} AND k.conname = {literal(name)}{more})"
    )


def all_of(expressions: Iterable[str]) -> str:
    return " AND ".join(expressions)


def has_column(table: EncryptedTable, column: str) -> str:
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a "
        f"WHERE a.attrelid = {where(table)} AND a.attname = {literal(column)} AND NOT a.attisdropped)"
    )


def has_trigger(table: EncryptedTable, name: str) -> str:
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_trigger AS t "
        f"WHERE t.tgrelid = {where(table)} AND t.tgname = {literal(name)})"
    )


def parts(table: EncryptedTable, name: str) -> tuple[str, ...]:
    """The tables that hold the rows: itself, or its partitions."""
    return table.shape.leaves if table.shape.kind == "p" else (name,)


def _array(names: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(map(literal, names))}]::text[]"


def run_call(table: EncryptedTable, kind: str, name: str, *, enough: int = 0) -> str:
    function = literal(made.named(table, kind))
    last = f", enough => {enough}" if enough else ""
    return f"CALL pgguard.run_backfill({literal(name)}, {function}, {_array(parts(table, name))}{last});"


def is_usable(index: str) -> str:
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_index AS i "
        f"WHERE i.indexrelid = pg_catalog.to_regclass({literal(index)}) AND i.indisvalid)"
    )
