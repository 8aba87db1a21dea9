"""The first two phases: what encryption needs in a database, and in a table beside the clear columns."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from pgguard.model.finding import Change, Safety
from pgguard.model.plan import Step
from pgguard.model.quote import ident, literal
from pgguard.plan.encryption import codec, subjects
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption.naming import beside
from pgguard.plan.encryption.stating import (
    MOMENT,
    NONE,
    TRIGGER,
    all_of,
    has_column,
    has_trigger,
    step_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.encryption import EncryptedColumn, EncryptedTable


def _sql(name: str) -> str:
    text = resources.files("pgguard").joinpath("sql", "install", name).read_text(encoding="utf-8")
    return text.strip()


def install(database: str) -> Step:
    return Step(
        slug="encryption_installed",
        title="What encryption needs in this database: pgcrypto, keys, the scheme pgg1",
        why="values are encrypted and opened by functions of the schema pgguard, with keys that only they "
        "can use",
        changes=(
            Change(
                _sql("010_encryption.sql"),
                _sql("010_encryption.down.sql"),
                NONE,
                safety=Safety.SAFE,
                done="pg_catalog.to_regprocedure('pgguard.unlock(bytea)') IS NOT NULL",
                why="harmless when it is there already; the undo stops while there are keys or encrypted "
                "columns",
            ),
        ),
        database=database,
        phase="install",
        first="then `pgguard keys init`: the following files stop while there is no key",
    )


def install_subjects(database: str) -> Step:
    return Step(
        slug="subject_keys_installed",
        title="What keys for each person need in this database",
        why="one person's values are erased by destroying one key",
        changes=(subjects.install_change(),),
        database=database,
        phase="install",
        first="then `pgguard keys init --subjects`",
    )


def _function(sql: str, signature: str, roles: Sequence[str] | None, *, keys: bool, why: str) -> Change:
    """A function that is created, given to its owner, and may be called by those roles alone."""
    allowed = f"ARRAY[{', '.join(map(literal, roles or ()))}]::text[]"
    return Change(
        f"{sql}\nSELECT pgguard.hand_over({literal(signature)}, {allowed}, {'true' if keys else 'false'});",
        f"DROP FUNCTION IF EXISTS {signature};",
        NONE,
        safety=Safety.SAFE,
        done=f"pg_catalog.to_regprocedure({literal(signature)}) IS NOT NULL",
        why=why,
    )


def readers(table: EncryptedTable, one: EncryptedColumn) -> tuple[str, ...]:
    """The roles that see the value: those of the policy, else who reads the column now, and the owner."""
    if one.readers is not None:
        return one.readers
    found = [
        each.grantee
        for each in table.shape.grants
        if each.privilege == "SELECT" and each.column in ("", one.name)
    ]
    return tuple(dict.fromkeys([*found, table.shape.owner]))


def expand(table: EncryptedTable) -> Step:
    name = made.table_name(table)
    parts = []
    for one in table.columns:
        parts.append((made.stored_column(one.name), "pgguard: encrypted"))
        if one.searchable:
            parts.append((made.index_column(one.name), "pgguard: blind index"))
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {ident(column)} bytea" for column, _ in parts)
    dropped = ", ".join(f"DROP COLUMN IF EXISTS {ident(column)}" for column, _ in parts)
    comments = "\n".join(
        f"COMMENT ON COLUMN {name}.{ident(column)} IS {literal(text)};" for column, text in parts
    )
    changes = [
        Change(
            f"ALTER TABLE {name} {added};\n{comments}",
            f"ALTER TABLE {name} {dropped};",
            MOMENT,
            safety=Safety.SAFE,
            done=all_of(has_column(table, column) for column, _ in parts),
            why="columns for the encrypted values; adding them rewrites nothing",
        ),
        _registered(table),
        *([subjects.registered(table)] if table.subject else []),
        *_functions(table),
        _sealing(table, name, "tolerant"),
    ]
    return step_of(
        table,
        "expand",
        "Expand",
        "encrypted values get columns of their own, and whatever is written from now on is sealed into them "
        "too; a session without a key goes on writing as before, and the backfill seals what it wrote",
        changes,
        risk="a prepared SELECT * of before fails until it is prepared anew, or the program connects again",
    )


def _registered(table: EncryptedTable) -> Change:
    shape = table.shape
    storage = shape.name if table.form == "in-place" else beside(shape.name, "pgg1")
    rows = []
    for one in table.columns:
        index = literal(made.index_column(one.name)) if one.searchable else "NULL"
        rows.append(
            f"    ({literal(made.uuid_of(table, one.name))}, {literal(shape.schema)}, {literal(shape.name)}, "
            f"{literal(one.name)}, {literal(storage)}, {literal(made.stored_column(one.name))}, {index}, "
            f"{literal(one.key_group)})"
        )
    ids = ", ".join(literal(made.uuid_of(table, one.name)) for one in table.columns)
    return Change(
        "INSERT INTO pgguard.encrypted_column\n"
        "    (id, table_schema, table_name, column_name, storage_name, stored_column, index_column, "
        "key_group)\n"
        "VALUES\n" + ",\n".join(rows) + "\nON CONFLICT DO NOTHING;",
        f"DELETE FROM pgguard.encrypted_column WHERE id IN ({ids});",
        NONE,
        safety=Safety.SAFE,
        done=f"(SELECT pg_catalog.count(*) FROM pgguard.encrypted_column AS e WHERE e.id IN ({ids})) = "
        f"{len(rows)}",
        why="the register of encrypted columns, which keys and their rotation go by",
    )


def _functions(table: EncryptedTable) -> Iterator[Change]:
    for one in table.columns:
        who = readers(table, one)
        name = ident(one.name)
        yield _function(
            made.seal(table, one),
            made.signature(table, "seal", one.name),
            (table.shape.owner,),
            keys=True,
            why=f"encrypts a value of {name}",
        )
        yield _function(
            made.open_(table, one),
            made.signature(table, "open", one.name),
            who,
            keys=True,
            why=f"opens a value of {name}, for those who may read it",
        )
        if one.searchable:
            yield _function(
                made.index_key(table, one, None),
                f"{made.named(table, 'index_key', one.name)}()",
                ("public",),
                keys=True,
                why=f"which key {name} is indexed with: the current one, until that is replaced",
            )
            yield _function(
                made.blind(table, one),
                made.blind_signature(table, one.name),
                who,
                keys=True,
                why=f"the blind index of a value of {name}",
            )
        if table.form == "view" and made.has_mask(one):
            yield _function(
                made.mask(table, one),
                made.signature(table, "mask", one.name),
                ("public",),
                keys=True,
                why=f"what others see of {name}",
            )
        if table.form == "view" or one.searchable:
            yield _function(
                made.show(table, one),
                made.signature(table, "show", one.name),
                ("public",),
                keys=False,
                why=f"{name} as the view shows it: to those who may read it, or masked",
            )
        if table.form == "in-place" and one.searchable:
            yield find_change(table, one)
    yield from _subject_functions(table)
    block = "(regclass,bigint,bigint)"
    for kind, sql, why in (
        ("backfill", made.backfill(table), "seals the rows that were there before"),
        ("refill", made.refill(table), "the way back: opens what was sealed into the clear columns"),
        ("reseal", made.reseal(table), "after a rotation: seals values again with the current key"),
    ):
        yield _function(sql, f"{made.named(table, kind)}{block}", (), keys=False, why=why)
    yield _function(
        made.prove(table, inlet=False),
        f"{made.named(table, 'prove')}(regclass)",
        (),
        keys=False,
        why="opens every value and compares it with the clear one",
    )


def _subject_functions(table: EncryptedTable) -> Iterator[Change]:
    if table.subject:
        who = dict.fromkeys(
            [table.shape.owner, *(role for one in table.columns for role in readers(table, one))]
        )
        for (sql, signature), roles, why in (
            (subjects.name_function(table), (), "how the table of persons' keys calls one of them"),
            (subjects.erased_function(table), tuple(who), "whether somebody was erased"),
        ):
            yield _function(sql, signature, roles, keys=True, why=why)


def find_change(table: EncryptedTable, one: EncryptedColumn) -> Change:
    column = made.shape_of(table, one.name)
    return _function(
        made.find(table, one),
        f"{made.named(table, 'find', one.name)}({codec.argument(column)})",
        ("public",),
        keys=False,
        why=f"rows by their {ident(one.name)}, through the blind index",
    )


def _sealing(table: EncryptedTable, on: str, mode: made.Mode) -> Change:
    name = f"{made.named(table, 'seal')}()"
    sql = "\n".join(
        [
            made.seal_trigger(table, mode),
            f"SELECT pgguard.hand_over({literal(name)}, ARRAY[]::text[], true);",
            *made.triggers(table, on),
        ]
    )
    undo = [f"DROP TRIGGER IF EXISTS {one} ON {on};" for one in (made.UPDATE_TRIGGER, made.INSERT_TRIGGER)]
    return Change(
        sql,
        "\n".join([*undo, f"DROP FUNCTION IF EXISTS {name};"]),
        TRIGGER,
        done=has_trigger(table, made.INSERT_TRIGGER),
        why="what is written is sealed in the same statement",
    )
