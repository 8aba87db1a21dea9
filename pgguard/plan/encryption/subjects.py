"""Tables whose values have a key for each person: destroying one key erases one person's values.

What is different in them: row functions take the person's key as one more argument, values are sealed and
opened with keys of that person (sql/install/011_subject_keys.sql), and a change of the person seals anew.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from pgguard.model.encryption_names import SUBJECT_GROUP
from pgguard.model.finding import Change, Safety
from pgguard.model.quote import ident, literal
from pgguard.plan.encryption import codec
from pgguard.plan.encryption.pieces import (
    PADDED,
    created,
    named,
    sealing_keys,
    shape_of,
    stored_column,
    subject_bytes,
    subject_kind,
    table_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.encryption import EncryptedColumn, EncryptedTable


# whether the session has what persons' keys are made and opened with
HAS_KEYS = f"pgguard.has_keys({literal(f'pgguard.subject_{SUBJECT_GROUP}')})"


def install_change() -> Change:
    """What keys for each person need in a database."""
    folder = resources.files("pgguard").joinpath("sql", "install")
    up, down = (
        folder.joinpath(name).read_text(encoding="utf-8").strip()
        for name in ("011_subject_keys.sql", "011_subject_keys.down.sql")
    )
    return Change(
        up,
        down,
        "ACCESS EXCLUSIVE on pgguard.key, for a moment",
        safety=Safety.SAFE,
        done="pg_catalog.to_regprocedure('pgguard.subject_ready(text, bytea)') IS NOT NULL",
        why="harmless when it is there already; the undo stops while there are keys of persons",
    )


def registered(table: EncryptedTable) -> Change:
    """The table in the register of tables with subjects."""
    shape = table.shape
    values = ", ".join([*map(literal, (shape.schema, shape.name, table.subject)), subject_kind(table)])
    where = f"table_schema = {literal(shape.schema)} AND table_name = {literal(shape.name)}"
    return Change(
        f"INSERT INTO pgguard.subject_table (table_schema, table_name, subject_column, kind)\n"
        f"VALUES ({values})\n"
        "ON CONFLICT (table_schema, table_name) DO UPDATE SET subject_column = excluded.subject_column,\n"
        "    kind = excluded.kind;",
        f"DELETE FROM pgguard.subject_table WHERE {where};",
        "none on tables",
        safety=Safety.SAFE,
        done=f"EXISTS (SELECT FROM pgguard.subject_table WHERE {where}\n"
        f"    AND subject_column = {literal(table.subject)} AND kind = {subject_kind(table)})",
        why=f"values get a key for each {ident(table.subject)}",
    )


def name_function(table: EncryptedTable) -> tuple[str, str]:
    """CREATE FUNCTION, and its signature: how pgguard.subject_key calls a person, by the key as text."""
    column = shape_of(table, table.subject)
    value = codec.from_text(column, "value")
    body = [
        "BEGIN",
        f"    RETURN pgguard.subject_name({subject_kind(table)}, {codec.key_bytes(column, value)});",
        "EXCEPTION WHEN data_exception THEN",
        "    -- the server's own message would repeat the value",
        f"    RAISE EXCEPTION 'pgguard: this is no value of type {column.base}'",
        "        USING ERRCODE = 'PGG07';",
        "END;",
    ]
    sql = created(
        named(table, "subject"),
        "value text",
        "bytea",
        "STABLE",
        body,
        definer=True,
        settings=codec.settings(column),
    )
    return sql, f"{named(table, 'subject')}(text)"


def erased_function(table: EncryptedTable) -> tuple[str, str]:
    """CREATE FUNCTION, and its signature: whether a person was erased."""
    column = shape_of(table, table.subject)
    kind = codec.argument(column)
    sql = created(
        named(table, "erased"),
        f"subject {kind}",
        "boolean",
        "STABLE",
        [f"RETURN pgguard.subject_erased({subject_kind(table)}, {subject_bytes(table, '')});"],
        definer=True,
    )
    return sql, f"{named(table, 'erased')}({kind})"


def bound_to(table: EncryptedTable) -> list[str]:
    """The columns that a value is bound to: its row's key, and whose it is."""
    return list(dict.fromkeys([*table.shape.primary_key, *([table.subject] if table.subject else [])]))


def sealing_variable(table: EncryptedTable, one: EncryptedColumn) -> str:
    """The variable of the table's trigger that has the keys which seal."""
    return f"{'own' if table.subject else 'data'}_{one.key_group}"


def own_keys(table: EncryptedTable, one: EncryptedColumn) -> list[str]:
    """Lines of the trigger that get the keys of the row's person, once a row and group."""
    if not table.subject:
        return []
    own = sealing_variable(table, one)
    return [f"{own} := coalesce({own}, {sealing_keys(table, f'data_{one.key_group}', 'NEW')});"]


def sealed_again(table: EncryptedTable, one: EncryptedColumn, opened: str, context: str) -> Iterator[str]:
    """Lines of the trigger that seal what was opened for the row as it is now."""
    plain = "opened" if table.subject else opened
    if one.padding:
        plain, context = f"pgguard.padded({plain}, {one.padding})", f"{context}, {PADDED}"
    stored = f"NEW.{ident(stored_column(one.name))}"
    sealed = f"{stored} := pgguard.pgg1_seal({plain}, {sealing_variable(table, one)}, {context});"
    if not table.subject:
        yield f"    {sealed}"
        return
    person = f"{{}}.{ident(table.subject)}"
    yield f"    opened := {opened};"
    yield "    IF opened IS NOT NULL THEN"
    yield from (f"        {line}" for line in (*own_keys(table, one), sealed))
    # what an erased person left stays as unreadable as it is, but becomes nobody else's
    yield f"    ELSIF {person.format('NEW')} IS DISTINCT FROM {person.format('OLD')} THEN"
    yield "        RAISE EXCEPTION 'pgguard: the person whose row this is was erased: write the values anew'"
    yield "            USING ERRCODE = 'PGG06';"
    yield "    END IF;"


def erased_row(table: EncryptedTable, source: str) -> str:
    """Whether the person of a row was erased."""
    column = shape_of(table, table.subject)
    return f"{named(table, 'erased')}({codec.handed(column, f'{source}.{ident(table.subject)}')})"


def asserts(table: EncryptedTable, where: str) -> Iterator[tuple[str, str]]:
    """What has to hold before each phase; `where` is SQL for the number of the table that stores."""
    for purpose in ("subject", "name"):
        yield (
            "EXISTS (SELECT FROM pgguard.key AS k WHERE k.state = 'current' "
            f"AND k.key_group = {literal(SUBJECT_GROUP)} AND k.purpose = {literal(purpose)})",
            "there are no keys for persons in this database: run pgguard keys init --subjects first",
        )
    yield (
        "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a "
        f"WHERE a.attrelid = {where} AND a.attname = {literal(table.subject)} AND a.attnotnull)",
        f"{table_name(table)}.{ident(table.subject)} tells whose a row is, and may be NULL now: make a new "
        "plan",
    )


def refusals(table: EncryptedTable) -> Iterator[str]:
    """Why values cannot have a key for each value of that column."""
    column = table.shape.column(table.subject)
    name = ident(table.subject)
    if column is None:
        yield f"its subject {name}: there is no such column"
        return
    if any(one.name == table.subject for one in table.columns):
        yield f"its subject {name} is to be encrypted itself: it has to tell whose key opens the row"
    if not column.not_null:
        yield f"its subject {name} may be NULL: a value has to be somebody's (SET NOT NULL first)"
    if column.kind != "b" or column.base_schema != "pg_catalog" or codec.key_refused(column):
        yield f"its subject {name} is of type {column.type}: it has to be one of PostgreSQL's own key types"
    if column.generated:
        yield f"its subject {name} is a generated column, which is not there yet when values are sealed"


def prove_erased(table: EncryptedTable, condition: str, source: str) -> str:
    """A proof's condition, which rows of an erased person need not meet."""
    return f"({condition} OR {erased_row(table, source)})" if table.subject else condition
