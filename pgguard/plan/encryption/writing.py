"""What seals values as they are written: the table's trigger, and the view with its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import ident, literal
from pgguard.plan.encryption import codec, subjects
from pgguard.plan.encryption.pieces import (
    NO_VALUES,
    Mode,
    context_of,
    created,
    index_column,
    keys_of_session,
    keys_setting,
    named,
    opened_bytes,
    sealed_value,
    selected_columns,
    shape_of,
    shown_value,
    storage_name,
    stored_column,
    table_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.encryption import ColumnShape, EncryptedColumn, EncryptedTable


def seal_trigger(table: EncryptedTable, mode: Mode) -> str:
    """CREATE FUNCTION: the trigger that seals what is written.

    While the clear value stays beside, a session without a key goes on writing (tolerant): what it wrote is
    left to
    the backfill. Once all is sealed it is refused (strict). As an inlet the column is emptied.
    """
    inlet = mode == "inlet"
    groups = list(dict.fromkeys(one.key_group for one in table.columns))
    moved = " OR ".join(
        f"NEW.{ident(name)} IS DISTINCT FROM OLD.{ident(name)}" for name in subjects.bound_to(table)
    )
    body = [*own_types(table), f"moved := TG_OP = 'UPDATE' AND ({moved});"]
    body += [line for check in _checks(table) for line in check] if inlet else []
    for one in table.columns:
        body += _seal_column(table, one, mode)
    body.append("RETURN NEW;")
    return created(
        named(table, "seal"),
        "",
        "trigger",
        "VOLATILE",
        body,
        declare=[
            "moved boolean",
            *(f"data_{group} bytea" for group in groups),
            *(f"own_{group} bytea" for group in groups if table.subject),
            *(["opened bytea"] if table.subject else []),
        ],
        definer=True,
        settings={**NO_VALUES, **codec.settings(*(shape_of(table, one.name) for one in table.columns))},
    )


def own_types(table: EncryptedTable, more: Iterable[str] = ()) -> Iterator[str]:
    """Lines that stop when a column that the trigger touches got a type which is not PostgreSQL's own.

    `more` are further columns that it touches. The trigger has the rights of pgguard_keys; the types of
    columns are the table's owner's to change, and the casts and domains of a type are its owner's.
    """
    names = {one.name for one in table.columns}
    everything = {one.name for one in table.shape.columns}
    read = {*names, *subjects.bound_to(table)}
    for check in table.shape.checks:
        if check.columns is None or names & set(check.columns):
            read |= everything if check.columns is None else set(check.columns)
    wanted = []
    for column in table.shape.columns:
        # an enum only goes through its output function
        if column.name in read and column.base_kind != "e":
            kind = f"pg_catalog.pg_typeof(NEW.{ident(column.name)})"
            wanted.append(f"pgguard.base_type({kind})" if column.kind == "d" else kind)
    for one in table.columns:
        beside_it = [stored_column(one.name), *([index_column(one.name)] if one.searchable else [])]
        wanted += [f"pg_catalog.pg_typeof(NEW.{ident(name)})" for name in beside_it]
    wanted += [f"pg_catalog.pg_typeof(NEW.{ident(name)})" for name in more]
    # below this number are the types that every PostgreSQL has
    yield "IF " + "\n    OR ".join(f"{kind}::oid >= 16384" for kind in wanted) + " THEN"
    yield "    RAISE EXCEPTION 'pgguard: the type of a column of % was changed: make a new plan',"
    yield "        TG_RELID::regclass USING ERRCODE = 'datatype_mismatch';"
    yield "END IF;"


def _checks(table: EncryptedTable) -> Iterator[list[str]]:
    """The table's CHECK constraints over encrypted columns, which see the clear value only here.

    What is not written is there in its sealed form only: it is opened when the constraint compares it with
    something that is written, and holds as it held before otherwise.
    """
    encrypted = {one.name: one for one in table.columns}
    for check in table.shape.checks:
        involved = [encrypted[name] for name in check.columns or () if name in encrypted]
        if not involved:
            continue
        told = literal(f'new row for relation "{table.shape.name}" violates check constraint "{check.name}"')
        opened, rows = [], "NEW.*"
        if len(check.columns or ()) > 1:
            for one in involved:
                keys, empty = f"data_{one.key_group}", f"NEW.{ident(one.name)} IS NULL"
                opened += [
                    f"    IF {empty} AND NEW.{ident(stored_column(one.name))} IS NOT NULL THEN",
                    f"        {keys} := coalesce({keys}, {keys_of_session(keys_setting(one))});",
                    "    END IF;",
                ]
            rows = ", ".join(_whole(table, name) for name in check.columns or ())
        yield [
            f"IF TG_OP = 'INSERT' OR {' OR '.join(_written(table, check.columns or ()))} THEN",
            *opened,
            f"    IF (SELECT ({check.expression}) FROM (SELECT {rows}) AS row_) IS FALSE THEN",
            f"        RAISE EXCEPTION USING MESSAGE = {told}, ERRCODE = 'check_violation',",
            f"            CONSTRAINT = {literal(check.name)}, SCHEMA = TG_TABLE_SCHEMA, TABLE = "
            f"TG_TABLE_NAME;",
            "    END IF;",
            "END IF;",
        ]


def _whole(table: EncryptedTable, name: str) -> str:
    """A column as a constraint sees it: of an encrypted one what is written, or what was sealed before."""
    quoted = ident(name)
    one = next((each for each in table.columns if each.name == name), None)
    if one is None:
        return f"NEW.{quoted} AS {quoted}"
    column = shape_of(table, name)
    stored = f"NEW.{ident(stored_column(name))}"
    before, now = (
        codec.from_bytes(column, opened_bytes(table, name, stored, f"data_{one.key_group}", source))
        for source in ("OLD", "NEW")
    )
    clear = codec.handed(column, f"NEW.{quoted}")
    return (
        f"CASE WHEN NEW.{quoted} IS NOT NULL THEN {clear} WHEN {stored} IS NULL THEN NULL "
        f"WHEN TG_OP = 'UPDATE' THEN {before} ELSE {now} END AS {quoted}"
    )


def _written(table: EncryptedTable, names: Iterable[str]) -> list[str]:
    """Conditions by which an UPDATE writes one of the columns."""
    encrypted = {one.name for one in table.columns}
    found = []
    for name in names:
        if name not in encrypted:
            found.append(_differs(table, name))
            continue
        stored = ident(stored_column(name))
        found.append(f"NEW.{ident(name)} IS NOT NULL")
        found.append(f"NEW.{stored} IS NULL AND OLD.{stored} IS NOT NULL")
    return found


def _seal_column(table: EncryptedTable, one: EncryptedColumn, mode: Mode) -> Iterator[str]:
    column = shape_of(table, one.name)
    clear, stored = f"NEW.{ident(one.name)}", f"NEW.{ident(stored_column(one.name))}"
    index = f"NEW.{ident(index_column(one.name))}"
    keys = f"data_{one.key_group}"
    value = codec.handed(column, clear)
    data = keys_of_session(keys_setting(one)).replace("\n    ", "\n        ")
    sealing = [
        f"{keys} := coalesce({keys}, {data});",
        *subjects.own_keys(table, one),
        f"{stored} := {sealed_value(table, one, value, 'NEW', subjects.sealing_variable(table, one))};",
    ]
    if one.searchable:
        # by the function, and not here: which key it takes can change
        sealing.append(f"{index} := {named(table, 'blind', one.name)}({value});")
    if mode == "inlet":
        # the column is the last of its table now: an INSERT that names no columns puts its value elsewhere
        yield f"IF TG_OP = 'INSERT' AND {clear} IS NULL AND (pg_catalog.octet_length({stored}) < 69"
        yield f"    OR pg_catalog.get_byte({stored}, 0) NOT IN (1, 2)) THEN"
        yield "    RAISE EXCEPTION 'pgguard: % of % takes encrypted values, and this is none: name columns',"
        yield f"        {literal(stored_column(one.name))}, TG_RELID::regclass USING ERRCODE = 'PGG02';"
        yield "END IF;"
        yield f"IF {clear} IS NOT NULL THEN"
        # assigned, a NULL would be checked by the domain, whose owner could have code run by that
        null = f"(SELECT {clear} WHERE false)" if column.kind == "d" else "NULL"
        yield from (f"    {line}" for line in [*sealing, f"{clear} := {null};"])
        yield from _moved(table, one, data)
        yield "END IF;"
        return
    none = [f"{stored} := NULL;", *([f"{index} := NULL;"] if one.searchable else [])]
    differs = f"{clear} IS DISTINCT FROM OLD.{ident(one.name)}"
    if column.base == "json":
        differs = differs.replace(f"{clear} IS", f"{clear}::text IS") + "::text"
    with_key = f"pgguard.has_keys({literal(keys_setting(one))})"
    if table.subject:
        with_key += f" AND {subjects.HAS_KEYS}"
    yield f"IF {clear} IS NOT NULL AND (TG_OP = 'INSERT' OR moved OR {differs}) THEN"
    if mode == "tolerant":
        yield f"    IF {with_key} THEN"
        yield from (f"        {line}" for line in sealing)
        yield "    ELSE"
        yield from (f"        {line}" for line in none)
        yield "    END IF;"
    else:
        yield from (f"    {line}" for line in sealing)
    yield f"ELSIF {clear} IS NOT NULL AND {stored} IS NULL AND {with_key} THEN"
    yield "    -- the backfill did not come to it yet"
    yield from (f"    {line}" for line in sealing)
    yield f"ELSIF {clear} IS NULL AND (TG_OP = 'INSERT' OR OLD.{ident(one.name)} IS NOT NULL) THEN"
    yield from (f"    {line}" for line in none)
    # on the way back a value may still be there in its sealed form only
    yield from _moved(table, one, data)
    yield "END IF;"


def _moved(table: EncryptedTable, one: EncryptedColumn, data: str) -> Iterator[str]:
    """The branch for a row that got another key, and whose value is there in its sealed form only."""
    stored = f"NEW.{ident(stored_column(one.name))}"
    keys = f"data_{one.key_group}"
    opened = opened_bytes(table, one.name, stored, keys, "OLD")
    again = context_of(table, one.name, "NEW")
    yield f"ELSIF moved AND NEW.{ident(one.name)} IS NULL AND {stored} IS NOT NULL THEN"
    yield f"    {keys} := coalesce({keys}, {data});"
    yield from subjects.sealed_again(table, one, opened, again)


def triggers(table: EncryptedTable, on: str) -> list[str]:
    """DROP and CREATE TRIGGER for the table that stores (its quoted name now): what is written is sealed."""
    changed = [_differs(table, one.name) for one in table.columns]
    changed += [
        f"NEW.{ident(one.name)} IS NOT NULL AND NEW.{ident(stored_column(one.name))} IS NULL"
        for one in table.columns
    ]
    changed += [f"NEW.{ident(name)} IS DISTINCT FROM OLD.{ident(name)}" for name in subjects.bound_to(table)]
    encrypted = {one.name for one in table.columns}
    for check in table.shape.checks:
        if encrypted & set(check.columns or ()):
            changed += _written(table, check.columns or ())
    changed = list(dict.fromkeys(changed))
    call = f"EXECUTE FUNCTION {named(table, 'seal')}();"
    return [
        f"DROP TRIGGER IF EXISTS {INSERT_TRIGGER} ON {on};",
        f"CREATE TRIGGER {INSERT_TRIGGER} BEFORE INSERT ON {on} FOR EACH ROW {call}",
        f"DROP TRIGGER IF EXISTS {UPDATE_TRIGGER} ON {on};",
        f"CREATE TRIGGER {UPDATE_TRIGGER} BEFORE UPDATE ON {on} FOR EACH ROW\n"
        f"    WHEN ({' OR '.join(changed)})\n    {call}",
    ]


# the last of the BEFORE triggers: they fire in the order of their names (manual, CREATE TRIGGER)
INSERT_TRIGGER = "zzz_pgguard_seal_insert"


UPDATE_TRIGGER = "zzz_pgguard_seal_update"


def _differs(table: EncryptedTable, name: str) -> str:
    cast = "::text" if shape_of(table, name).base == "json" else ""
    return f"NEW.{ident(name)}{cast} IS DISTINCT FROM OLD.{ident(name)}{cast}"


def view(table: EncryptedTable, *, major: int) -> str:
    """CREATE VIEW of the table's old name."""
    options = " WITH (security_invoker = true)" if major >= 15 else ""
    return (
        f"CREATE VIEW {table_name(table)}{options} AS\n    SELECT {selected_columns(table)}\n"
        f"    FROM {storage_name(table)} AS s;"
    )


def write_trigger(table: EncryptedTable, *, inlet: bool) -> str:
    """CREATE FUNCTION: INSERT and UPDATE through the view, with the caller's rights."""
    encrypted = {one.name for one in table.columns}
    written = [one for one in table.shape.columns if not one.generated]
    body = ["IF TG_OP = 'INSERT' THEN"]
    for one in written:
        # a DEFAULT of the view stands in for most; an identity column has none
        if one.identity:
            body.append(
                f"    IF NEW.{ident(one.name)} IS NULL THEN NEW.{ident(one.name)} := "
                f"pg_catalog.nextval({literal(one.sequence)}::pg_catalog.regclass); END IF;"
            )
    names = ", ".join(ident(one.name) for one in written)
    overriding = " OVERRIDING SYSTEM VALUE" if any(one.identity for one in written) else ""
    values = ", ".join(f"NEW.{ident(one.name)}" for one in written)
    back = [one for one in table.shape.columns if one.name not in encrypted]
    changes_rows = any(one.before and one.row and one.enabled != "D" for one in table.shape.triggers)
    returning = updated = ""
    if changes_rows or any(one.generated for one in back):
        into = ", ".join(f"NEW.{ident(one.name)}" for one in back)
        returning = f"\n    RETURNING {', '.join(ident(one.name) for one in back)} INTO {into}"
        updated = f"\nRETURNING {', '.join(f's.{ident(one.name)}' for one in back)} INTO {into}"
    body += [
        f"    INSERT INTO {storage_name(table)} ({names}){overriding}",
        f"    VALUES ({values}){returning};",
        "    RETURN NEW;",
        "END IF;",
    ]
    sets = []
    for one in written:
        column = ident(one.name)
        if one.name not in encrypted:
            sets.append(f"{column} = NEW.{column}")
            continue
        stored = ident(stored_column(one.name))
        differs = f"NEW.{column} IS DISTINCT FROM OLD.{column}"
        if one.base == "json":
            differs = f"NEW.{column}::text IS DISTINCT FROM OLD.{column}::text"
        sets.append(
            f"{column} = CASE WHEN {differs} THEN NEW.{column} {'' if inlet else f'ELSE s.{column} '}END"
        )
        # the trigger that seals cannot tell "made empty" where the clear column is empty already
        emptied = f"{differs} AND NEW.{column} IS NULL"
        sets.append(f"{stored} = CASE WHEN {emptied} THEN NULL ELSE s.{stored} END")
        if any(each.name == one.name and each.searchable for each in table.columns):
            index = ident(index_column(one.name))
            sets.append(f"{index} = CASE WHEN {emptied} THEN NULL ELSE s.{index} END")
    where = " AND ".join(f"s.{ident(name)} = OLD.{ident(name)}" for name in table.shape.primary_key)
    unchanged = "\n        AND ".join(_unchanged(table, one) for one in table.shape.columns)
    body += [
        f"UPDATE {storage_name(table)} AS s SET",
        "    " + ",\n        ".join(sets),
        f"WHERE {where}",
        "    -- NEW was worked out from OLD: it must still be what is stored",
        f"    AND {unchanged}{updated};",
        "IF FOUND THEN",
        "    RETURN NEW;",
        f"ELSIF EXISTS (SELECT FROM {storage_name(table)} AS s WHERE {where}) THEN",
        "    RAISE EXCEPTION 'pgguard: the row was changed by another session meanwhile: try again'",
        "        USING ERRCODE = 'serialization_failure';",
        "END IF;",
        "RETURN NULL;",
    ]
    return created(named(table, "write"), "", "trigger", "VOLATILE", body, settings=NO_VALUES)


# types that IS DISTINCT FROM takes; others are compared by their text
_COMPARABLE = frozenset(
    {
        "text",
        "character varying",
        "character",
        "name",
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "boolean",
        "uuid",
    }
    | {
        "date",
        "timestamp without time zone",
        "timestamp with time zone",
        "bytea",
        "jsonb",
        "real",
        "double precision",
    }
)


def _unchanged(table: EncryptedTable, column: ColumnShape) -> str:
    name = ident(column.name)
    if any(one.name == column.name for one in table.columns):
        now = shown_value(table, column.name, "s")
        return f"({now})::text IS NOT DISTINCT FROM OLD.{name}::text"
    if column.base in _COMPARABLE:
        return f"s.{name} IS NOT DISTINCT FROM OLD.{name}"
    return f"s.{name}::text IS NOT DISTINCT FROM OLD.{name}::text"


def view_triggers(table: EncryptedTable) -> list[str]:
    """DROP and CREATE TRIGGER of the view; DELETE goes to the table by itself (manual, CREATE VIEW)."""
    name = table_name(table)
    return [
        f"CREATE TRIGGER pgguard_write INSTEAD OF INSERT OR UPDATE ON {name}\n"
        f"    FOR EACH ROW EXECUTE FUNCTION {named(table, 'write')}();",
    ]
