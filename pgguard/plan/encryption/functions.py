"""The functions and triggers of one encrypted table, as SQL.

Those that touch a key run as pgguard_keys with a fixed search_path and take only PostgreSQL's own types; what
programs call directly runs with the caller's rights. A function that uses keys asks for them once a plan: see
planned_for() in sql/install/010_encryption.sql. None is for parallel plans, in which no session may be
unlocked by the host key, nor a subtransaction begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pgguard.model.quote import ident, literal, qualified
from pgguard.plan.encryption import codec
from pgguard.plan.encryption.naming import beside, function, storage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.encryption import ColumnShape, EncryptedColumn, EncryptedTable

Mode = Literal["tolerant", "strict", "inlet"]
_DEFINER = "SECURITY DEFINER\nSET search_path = pg_catalog, pg_temp"
# bodies are parsed when they run: under the caller's setting a backslash would mean something else; each
# setting
# costs at every call, so only where there is one
_BACKSLASH = "SET standard_conforming_strings = on"
# without it the first plans of a session hold values of rows as constants, which auto_explain prints
_NO_VALUES = {"plan_cache_mode": "force_generic_plan"}


def table_name(table: EncryptedTable) -> str:
    """The quoted name that programs use."""
    return qualified(table.shape.schema, table.shape.name)


def storage_name(table: EncryptedTable) -> str:
    """The quoted name of the table after the switch."""
    if table.form == "in-place":
        return table_name(table)
    return storage(table.shape.schema, table.shape.name)


def named(table: EncryptedTable, kind: str, column: str = "") -> str:
    """The quoted name of a function of the table, or of one of its columns."""
    parts = (table.shape.schema, table.shape.name, *([column] if column else []))
    return function(kind, *parts)


def stored_column(name: str) -> str:
    """The name of the column with the encrypted values."""
    return beside(name, "pgg1")


def index_column(name: str) -> str:
    """The name of the column with the blind index."""
    return beside(name, "find")


def shape_of(table: EncryptedTable, name: str) -> ColumnShape:
    """The shape of a column that is there."""
    found = table.shape.column(name)
    if found is None:
        raise KeyError(name)
    return found


def key_columns(table: EncryptedTable) -> list[ColumnShape]:
    """The columns of the primary key, in its order."""
    return [shape_of(table, name) for name in table.shape.primary_key]


def key_arguments(table: EncryptedTable, source: str = "") -> str:
    """The key of a row as arguments: from a table's alias, or by their parameters' names."""
    if not source:
        return ", ".join(f"key_{number}" for number, _ in enumerate(key_columns(table), 1))
    return ", ".join(codec.handed(one, f"{source}.{ident(one.name)}") for one in key_columns(table))


def key_types(table: EncryptedTable) -> str:
    """The types of those arguments."""
    return ", ".join(codec.argument(one) for one in key_columns(table))


def signature(table: EncryptedTable, kind: str, column: str) -> str:
    """A column's open, show, mask (stored value and key) or seal (value and key), with its argument types."""
    first = codec.argument(shape_of(table, column)) if kind == "seal" else "bytea"
    return f"{named(table, kind, column)}({first}, {key_types(table)})"


def keys_setting(one: EncryptedColumn, purpose: str = "data") -> str:
    """The session's setting that holds the keys of the column's group."""
    return f"pgguard.{purpose}_{one.key_group}"


def _keys(setting: str) -> str:
    quoted = literal(setting)
    return (
        f"CASE WHEN pgguard.planned_for({quoted})\n"
        f"            = pg_catalog.current_setting({quoted}, true) || session_user\n"
        f"        THEN pgguard.planned_keys({quoted}) ELSE pgguard.session_keys({quoted}) END"
    )


def _hexadecimal(digits: str) -> str:
    return f"pg_catalog.decode({literal(digits)}, 'hex')"


# the version of values that were filled up
_PADDED = _hexadecimal("02")


def _context(table: EncryptedTable, column: str, source: str) -> str:
    parts = [_hexadecimal(uuid_of(table, column).replace("-", ""))]
    for number, one in enumerate(key_columns(table), 1):
        value = codec.handed(one, f"{source}.{ident(one.name)}") if source else f"key_{number}"
        parts.append(f"pgguard.part({codec.key_bytes(one, value)})")
    return " || ".join(parts)


def _opened(table: EncryptedTable, one: EncryptedColumn, source: str) -> str:
    """A row's stored value, opened by the accessor."""
    stored = f"{source}.{ident(stored_column(one.name))}"
    return f"{named(table, 'open', one.name)}({stored}, {key_arguments(table, source)})"


def _shown(table: EncryptedTable, name: str, source: str) -> str:
    """A row's value as the view shows it."""
    stored = f"{source}.{ident(stored_column(name))}"
    return f"{named(table, 'show', name)}({stored}, {key_arguments(table, source)})"


def uuid_of(table: EncryptedTable, column: str) -> str:
    """The uuid that is authenticated with every value of the column (RFC 9562, version 5)."""
    import uuid

    name = "\x00".join((table.database, table.shape.schema, table.shape.name, column))
    return str(uuid.uuid5(uuid.UUID("5b1f2f0e-6b0b-5d43-9b0e-0d5a8f7a9c11"), name))


def _parameters(table: EncryptedTable, first: str) -> str:
    keys = [f"key_{number} {codec.argument(one)}" for number, one in enumerate(key_columns(table), 1)]
    return ", ".join([first, *keys])


def _function(
    name: str,
    parameters: str,
    returns: str,
    how: str,
    body: Iterable[str],
    *,
    declare: Sequence[str] = (),
    definer: bool = False,
    settings: dict[str, str] | None = None,
    language: str = "plpgsql",
) -> str:
    lines = [f"CREATE OR REPLACE FUNCTION {name}({parameters}) RETURNS {returns}"]
    lines.append(f"LANGUAGE {language} {how}".rstrip())
    body = list(body)
    if definer:
        lines.append(_DEFINER)
        if any("\\" in line for line in body):
            lines.append(_BACKSLASH)
    lines += [f"SET {key} = {literal(value)}" for key, value in (settings or {}).items()]
    lines.append("AS $pgguard$")
    if returns == "trigger":
        # a column of the table may be called like a variable here
        lines.append("#variable_conflict use_column")
    if language == "plpgsql":
        if declare:
            lines += ["DECLARE", *(f"    {one};" for one in declare)]
        lines += ["BEGIN", *(f"    {one}" for one in body), "END"]
    else:
        lines += list(body)
    lines.append("$pgguard$;")
    return "\n".join(lines)


def _sealed(table: EncryptedTable, one: EncryptedColumn, value: str, source: str, keys: str) -> str:
    column = shape_of(table, one.name)
    plain = codec.as_bytes(column, value)
    context = _context(table, one.name, source)
    if one.padding:
        return f"pgguard.pgg1_seal(pgguard.padded({plain}, {one.padding}), {keys}, {context}, {_PADDED})"
    return f"pgguard.pgg1_seal({plain}, {keys}, {context})"


def seal(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: a value of the column in clear, and the row's key, to what is stored."""
    column = shape_of(table, one.name)
    return _function(
        named(table, "seal", one.name),
        _parameters(table, f"value {codec.argument(column)}"),
        "bytea",
        "VOLATILE",
        [
            "IF value IS NULL THEN RETURN NULL; END IF;",
            f"keys := {_keys(keys_setting(one))};",
            f"RETURN {_sealed(table, one, 'value', '', 'keys')};",
        ],
        declare=["keys bytea"],
        definer=True,
        settings=codec.settings(column),
    )


def open_(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: the accessor, for those who may read the value."""
    column = shape_of(table, one.name)
    opened = f"pgguard.pgg1_open(stored, keys, {_context(table, one.name, '')})"
    return _function(
        named(table, "open", one.name),
        _parameters(table, "stored bytea"),
        codec.argument(column),
        "STABLE COST 200",
        [
            "IF stored IS NULL THEN RETURN NULL; END IF;",
            f"keys := {_keys(keys_setting(one))};",
            f"RETURN {codec.from_bytes(column, opened)};",
        ],
        declare=["keys bytea"],
        definer=True,
        settings=codec.settings(column),
    )


def has_mask(one: EncryptedColumn) -> bool:
    """Whether others see something of the value."""
    return one.mask != "null"


def mask(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: what those who may not read the value see of it."""
    column = shape_of(table, one.name)
    opened = f"{named(table, 'open', one.name)}(stored, {key_arguments(table)})"
    if one.mask == "year":
        shown = f"pg_catalog.date_trunc('year', {opened}::timestamp)::{codec.argument(column)}"
        body = [f"RETURN {shown};"]
        declare: list[str] = []
    else:
        kept = int(one.mask.removeprefix("last:"))
        # a value no longer than what is kept would be shown whole
        body = [
            f"opened := {codec.as_text(column, opened)};",
            f"RETURN pg_catalog.repeat('*', pg_catalog.length(opened) - {kept}) || CASE"
            f" WHEN pg_catalog.length(opened) > 2 * {kept} THEN pg_catalog.right(opened, {kept})"
            f" ELSE pg_catalog.repeat('*', least({kept}, pg_catalog.length(opened))) END;",
        ]
        declare = ["opened text"]
    return _function(
        named(table, "mask", one.name),
        _parameters(table, "stored bytea"),
        codec.argument(column),
        "STABLE COST 200",
        body,
        declare=declare,
        definer=True,
        settings=codec.settings(column),
    )


def show(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: what the view shows to whoever asks; it runs with their rights."""
    column = shape_of(table, one.name)
    given = f"(stored, {key_arguments(table)})"
    masked = f"{named(table, 'mask', one.name)}{given}" if has_mask(one) else "NULL"
    returns = _plain_type(column)
    cast = "" if returns == codec.argument(column) else f"::{returns}"
    body = ["IF stored IS NULL THEN RETURN NULL; END IF;"]
    if table.no_key == "mask":
        body.append(f"IF NOT pgguard.has_keys({literal(keys_setting(one))}) THEN RETURN NULL; END IF;")
    allowed = literal(signature(table, "open", one.name))
    body += [
        f"IF pg_catalog.has_function_privilege({allowed}::pg_catalog.regprocedure, 'EXECUTE') THEN",
        f"    RETURN {named(table, 'open', one.name)}{given}{cast};",
        "END IF;",
        f"RETURN {masked}{cast if has_mask(one) else ''};",
    ]
    return _function(
        named(table, "show", one.name),
        _parameters(table, "stored bytea"),
        returns,
        "STABLE COST 300",
        body,
    )


def _plain_type(column: ColumnShape) -> str:
    """The column's own type, without a modifier where it is PostgreSQL's: those are not kept in results."""
    return column.type if column.kind in ("d", "e") else column.base


def blind(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: the blind index of a value."""
    column = shape_of(table, one.name)
    return _function(
        named(table, "blind", one.name),
        f"value {codec.argument(column)}",
        "bytea",
        "STABLE",
        [
            "IF value IS NULL THEN RETURN NULL; END IF;",
            f"keys := {_keys(keys_setting(one, 'index'))};",
            f"RETURN {_blinded(table, one, 'value', 'keys')};",
        ],
        declare=["keys bytea"],
        definer=True,
        settings=codec.settings(column),
    )


def _blinded(table: EncryptedTable, one: EncryptedColumn, value: str, keys: str) -> str:
    normal = f"pgguard.normal_{one.normal_form}({codec.as_text(shape_of(table, one.name), value)})"
    if one.normal_form == "exact":
        normal = codec.as_text(shape_of(table, one.name), value)
    context = _hexadecimal(uuid_of(table, one.name).replace("-", ""))
    return f"pgguard.blind({normal}, {keys}, {context})"


def seal_trigger(table: EncryptedTable, mode: Mode) -> str:
    """CREATE FUNCTION: the trigger that seals what is written.

    While the clear value stays beside, a session without a key goes on writing (tolerant): what it wrote is
    left to
    the backfill. Once all is sealed it is refused (strict). As an inlet the column is emptied.
    """
    inlet = mode == "inlet"
    groups = list(dict.fromkeys(one.key_group for one in table.columns))
    searched = list(dict.fromkeys(one.key_group for one in table.columns if one.searchable))
    moved = " OR ".join(
        f"NEW.{ident(name)} IS DISTINCT FROM OLD.{ident(name)}" for name in table.shape.primary_key
    )
    body = [*_own_types(table), f"moved := TG_OP = 'UPDATE' AND ({moved});"]
    body += [line for check in _checks(table) for line in check] if inlet else []
    for one in table.columns:
        body += _seal_column(table, one, mode)
    body.append("RETURN NEW;")
    return _function(
        named(table, "seal"),
        "",
        "trigger",
        "VOLATILE",
        body,
        declare=[
            "moved boolean",
            *(f"data_{group} bytea" for group in groups),
            *(f"index_{group} bytea" for group in searched),
        ],
        definer=True,
        settings={**_NO_VALUES, **codec.settings(*(shape_of(table, one.name) for one in table.columns))},
    )


def _own_types(table: EncryptedTable) -> Iterator[str]:
    """Lines that stop when a column that the trigger touches got a type which is not PostgreSQL's own.

    The trigger has the rights of pgguard_keys; the types of columns are the table's owner's to change, and
    the
    casts and domains of a type are its owner's.
    """
    names = {one.name for one in table.columns}
    everything = {one.name for one in table.shape.columns}
    read = {*names, *table.shape.primary_key}
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
                    f"        {keys} := coalesce({keys}, {_keys(keys_setting(one))});",
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
        codec.from_bytes(
            column, f"pgguard.pgg1_open({stored}, data_{one.key_group}, {_context(table, name, source)})"
        )
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
    data = _keys(keys_setting(one)).replace("\n    ", "\n        ")
    sealing = [
        f"{keys} := coalesce({keys}, {data});",
        f"{stored} := {_sealed(table, one, value, 'NEW', keys)};",
    ]
    if one.searchable:
        index_keys = f"index_{one.key_group}"
        source = _keys(keys_setting(one, "index")).replace("\n    ", "\n        ")
        sealing += [
            f"{index_keys} := coalesce({index_keys}, {source});",
            f"{index} := {_blinded(table, one, value, index_keys)};",
        ]
    if mode == "inlet":
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
    opened = f"pgguard.pgg1_open({stored}, {keys}, {_context(table, one.name, 'OLD')})"
    again = _context(table, one.name, "NEW")
    yield f"ELSIF moved AND NEW.{ident(one.name)} IS NULL AND {stored} IS NOT NULL THEN"
    yield f"    {keys} := coalesce({keys}, {data});"
    if one.padding:
        yield (
            f"    {stored} := pgguard.pgg1_seal(pgguard.padded({opened}, {one.padding}), {keys}, {again}, "
            f"{_PADDED});"
        )
    else:
        yield f"    {stored} := pgguard.pgg1_seal({opened}, {keys}, {again});"


def triggers(table: EncryptedTable, on: str) -> list[str]:
    """DROP and CREATE TRIGGER for the table that stores (its quoted name now): what is written is sealed."""
    changed = [_differs(table, one.name) for one in table.columns]
    changed += [
        f"NEW.{ident(one.name)} IS NOT NULL AND NEW.{ident(stored_column(one.name))} IS NULL"
        for one in table.columns
    ]
    changed += [f"NEW.{ident(name)} IS DISTINCT FROM OLD.{ident(name)}" for name in table.shape.primary_key]
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
        f"CREATE VIEW {table_name(table)}{options} AS\n    SELECT {_selected(table)}\n"
        f"    FROM {storage_name(table)} AS s;"
    )


def _selected(table: EncryptedTable) -> str:
    encrypted = {one.name: one for one in table.columns}
    parts = []
    for column in table.shape.columns:
        if column.name not in encrypted:
            parts.append(f"s.{ident(column.name)}")
            continue
        shown = _shown(table, column.name, "s")
        cast = f"::{column.type}" if column.type != _plain_type(column) else ""
        collate = f" COLLATE {column.collation}" if column.collation else ""
        parts.append(
            f"({shown}){cast}{collate} AS {ident(column.name)}"
            if cast or collate
            else f"{shown} AS {ident(column.name)}"
        )
    return ",\n        ".join(parts)


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
    return _function(named(table, "write"), "", "trigger", "VOLATILE", body, settings=_NO_VALUES)


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
        now = _shown(table, column.name, "s")
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


def find(table: EncryptedTable, one: EncryptedColumn) -> str:
    """CREATE FUNCTION: rows by the value of a searchable column, through the blind index and rechecked."""
    column = shape_of(table, one.name)
    shown = _shown(table, one.name, "s")
    found = (
        codec.as_text(column, codec.handed(column, shown))
        if column.base_kind != "e"
        else codec.handed(column, shown)
    )
    wanted = codec.as_text(column, "$1")
    if one.normal_form != "exact":
        # the forms are pgguard_keys' alone; what was found is compared by its own index
        blinded = named(table, "blind", one.name)
        recheck = f"{blinded}({codec.handed(column, shown)}) = {blinded}($1)"
    else:
        recheck = f"{found} = {wanted}"
    selected = "s.*" if table.form == "in-place" else _selected(table)
    body = [
        f"    SELECT {selected}",
        f"    FROM {storage_name(table)} AS s",
        f"    WHERE s.{ident(index_column(one.name))} = {named(table, 'blind', one.name)}($1)",
        f"        AND {recheck}",
    ]
    return _function(
        named(table, "find", one.name),
        f"value {codec.argument(column)}",
        f"SETOF {table_name(table)}",
        "STABLE",
        body,
        language="sql",
    )


def _statement(lines: Sequence[str]) -> list[str]:
    """Lines for EXECUTE, with the part's name put in; a percent sign of theirs is doubled for format()."""
    escaped = [f"    {one.replace('%', '%%').replace('%%1$s', '%1$s')}" for one in lines]
    return ["EXECUTE pg_catalog.format($statement$", *escaped, "    $statement$, part)"]


_BLOCKS = "USING pg_catalog.format('(%s,0)', first_block)::tid, pg_catalog.format('(%s,0)', end_block)::tid"


def backfill(table: EncryptedTable) -> str:
    """CREATE FUNCTION: seals the rows of some blocks, opens each and compares, before anything is kept."""
    sets, sames = [], []
    for one in table.columns:
        column = shape_of(table, one.name)
        clear, stored = f"t.{ident(one.name)}", ident(stored_column(one.name))
        given = codec.handed(column, clear)
        sealed = f"{named(table, 'seal', one.name)}({given}, {key_arguments(table, 't')})"
        value = f"CASE WHEN {clear} IS NOT NULL THEN {sealed} END"
        sets.append(f"{stored} = {value}")
        if one.searchable:
            sets.append(
                f"{ident(index_column(one.name))} = CASE WHEN {clear} IS NOT NULL "
                f"THEN {named(table, 'blind', one.name)}({given}) END"
            )
        sames.append(same(table, one, "t"))
    set_list = ",\n                ".join(sets)
    body = [
        *_counted(missing(table, "t")),
        *_statement(
            [
                "WITH chosen AS MATERIALIZED (",
                "    SELECT t.ctid FROM ONLY %1$s AS t",
                "    WHERE t.ctid >= $1 AND t.ctid < $2",
                f"        AND ({missing(table, 't')})",
                "    -- a row that somebody is changing is left for a later pass, so that nobody waits in a "
                "circle",
                "    FOR UPDATE SKIP LOCKED",
                "), sealed AS (",
                f"    UPDATE ONLY %1$s AS t SET\n                {set_list}",
                "    FROM chosen WHERE t.ctid = chosen.ctid",
                f"    RETURNING {' AND '.join(sames)} AS same",
                ")",
                "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE same IS NOT TRUE) FROM sealed",
            ]
        ),
        f"INTO done, wrong {_BLOCKS};",
        "IF wrong > 0 THEN",
        "    RAISE EXCEPTION 'pgguard: % encrypted values did not come back as they were; nothing of this "
        "batch is kept', wrong",
        "        USING ERRCODE = 'PGG02';",
        "END IF;",
        *_waited(f"({missing(table, 't')})"),
        "RETURN done;",
    ]
    return _function(
        named(table, "backfill"),
        "part regclass, first_block bigint, end_block bigint",
        "bigint",
        "VOLATILE\nSET search_path = pg_catalog, pg_temp\nSET row_security = off",
        body,
        declare=["done bigint", "wrong bigint"],
    )


def _counted(left: str, more: str = "") -> Iterator[str]:
    """Without an end it counts what is left at one moment: rows move while batches go over the blocks."""
    looked = _statement(["SELECT pg_catalog.count(*) FROM ONLY %1$s AS t", f"WHERE {left}"])
    yield "IF end_block IS NULL THEN"
    yield from (f"    {line}" for line in looked)
    yield f"    INTO done USING first_block, end_block{more};"
    yield "    RETURN done;"
    yield "END IF;"


def _waited(left: str) -> Iterator[str]:
    """What is left where nothing could be done is locked: one such row is waited for; a pass follows.

    Nothing else is held meanwhile, so that nobody waits in a circle.
    """
    looked = _statement(
        ["SELECT 1 FROM ONLY %1$s AS t", f"WHERE t.ctid >= $1 AND t.ctid < $2 AND {left} LIMIT 1 FOR UPDATE"]
    )
    yield "IF done = 0 THEN"
    yield from (f"    {line}" for line in looked)
    yield f"    INTO done {_BLOCKS};"
    yield "    RETURN coalesce(done, 0);"
    yield "END IF;"


def same(table: EncryptedTable, one: EncryptedColumn, source: str) -> str:
    """Whether a row's encrypted value opens to its clear one, byte by byte."""
    column = shape_of(table, one.name)
    opened = _opened(table, one, source)
    # the column as it is, not as it was handed over: what that changed has to be seen here
    clear = f"{source}.{ident(one.name)}"
    if column.base_kind == "e":
        clear = f"CASE WHEN {clear} IS NOT NULL THEN {codec.handed(column, clear)} END"
    if column.base == "bytea":
        return f"({opened} IS NOT DISTINCT FROM {clear})"
    bytewise = '::text COLLATE pg_catalog."C"'
    return f"(({opened}){bytewise} IS NOT DISTINCT FROM ({clear}){bytewise})"


def missing(table: EncryptedTable, source: str) -> str:
    """Which rows have a clear value that is not sealed yet."""
    parts = []
    for one in table.columns:
        clear = f"{source}.{ident(one.name)}"
        stored = f"{source}.{ident(stored_column(one.name))}"
        parts.append(f"{clear} IS NOT NULL AND {stored} IS NULL")
        if one.searchable:
            parts.append(f"{clear} IS NOT NULL AND {source}.{ident(index_column(one.name))} IS NULL")
    return " OR ".join(parts)


def refill(table: EncryptedTable) -> str:
    """CREATE FUNCTION: the way back after the clear column was dropped: opens the rows of some blocks."""
    sets: list[str] = []
    where: list[str] = []
    for one in table.columns:
        column = shape_of(table, one.name)
        stored = f"t.{ident(stored_column(one.name))}"
        opened = _opened(table, one, "t")
        cast = "" if codec.argument(column) == column.type else f"::{column.type}"
        sets.append(f"{ident(one.name)} = coalesce(t.{ident(one.name)}, {opened}{cast})")
        where.append(f"{stored} IS NOT NULL AND t.{ident(one.name)} IS NULL")
    set_list = ",\n            ".join(sets)
    body = [
        *_counted(" OR ".join(where)),
        *_statement(
            [
                "WITH chosen AS MATERIALIZED (",
                f"    SELECT t.ctid FROM ONLY %1$s AS t WHERE t.ctid >= $1 AND t.ctid < $2 AND "
                f"({' OR '.join(where)})",
                "    FOR UPDATE SKIP LOCKED",
                ")",
                f"UPDATE ONLY %1$s AS t SET\n            {set_list}",
                "FROM chosen WHERE t.ctid = chosen.ctid",
            ]
        ),
        f"{_BLOCKS};",
        "GET DIAGNOSTICS done = ROW_COUNT;",
        *_waited(f"({' OR '.join(where)})"),
        "RETURN done;",
    ]
    return _function(
        named(table, "refill"),
        "part regclass, first_block bigint, end_block bigint",
        "bigint",
        "VOLATILE\nSET search_path = pg_catalog, pg_temp\nSET row_security = off",
        body,
        declare=["done bigint"],
    )


def reseal(table: EncryptedTable) -> str:
    """CREATE FUNCTION: after a rotation, seals the rows of some blocks again with the current key."""
    sets: list[str] = []
    where: list[str] = []
    for one in table.columns:
        stored = f"t.{ident(stored_column(one.name))}"
        opened = _opened(table, one, "t")
        old = f"pg_catalog.substr({stored}, 2, 4) <> $3[{len(sets) + 1}]"
        again = f"{named(table, 'seal', one.name)}({opened}, {key_arguments(table, 't')})"
        sets.append(f"{ident(stored_column(one.name))} = CASE WHEN {old} THEN {again} ELSE {stored} END")
        where.append(old)
    set_list = ",\n            ".join(sets)
    groups = ", ".join(f"pgguard.current_key({literal(one.key_group)})" for one in table.columns)
    body = [
        *_counted(" OR ".join(where), f", ARRAY[{groups}]"),
        *_statement(
            [
                "WITH chosen AS MATERIALIZED (",
                f"    SELECT t.ctid FROM ONLY %1$s AS t WHERE t.ctid >= $1 AND t.ctid < $2 AND "
                f"({' OR '.join(where)})",
                "    FOR UPDATE SKIP LOCKED",
                ")",
                f"UPDATE ONLY %1$s AS t SET\n            {set_list}",
                "FROM chosen WHERE t.ctid = chosen.ctid",
            ]
        ),
        f"{_BLOCKS},",
        f"    ARRAY[{groups}];",
        "GET DIAGNOSTICS done = ROW_COUNT;",
        "RETURN done;",
    ]
    return _function(
        named(table, "reseal"),
        "part regclass, first_block bigint, end_block bigint",
        "bigint",
        "VOLATILE\nSET search_path = pg_catalog, pg_temp\nSET row_security = off",
        body,
        declare=["done bigint"],
    )


def prove(table: EncryptedTable, *, inlet: bool) -> str:
    """CREATE FUNCTION: opens every value of the table; while the clear one is there, compares the two."""
    right = []
    for one in table.columns:
        if inlet:
            opened = _opened(table, one, "t")
            right.append(
                f"(t.{ident(one.name)} IS NULL AND ({opened} IS NULL) = (t.{ident(stored_column(one.name))} "
                f"IS NULL))"
            )
        else:
            right.append(same(table, one, "t"))
        if one.searchable:
            right.append(
                f"((t.{ident(index_column(one.name))} IS NULL) = (t.{ident(stored_column(one.name))} IS "
                f"NULL))"
            )
    body = [
        *_statement(
            [
                "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE ("
                + " AND ".join(right)
                + ") IS NOT TRUE)",
                "FROM ONLY %1$s AS t",
            ]
        ),
        "INTO done, wrong;",
        "IF wrong > 0 THEN",
        "    RAISE EXCEPTION 'pgguard: in % of % rows the encrypted values are not the clear ones', wrong, "
        "done",
        "        USING ERRCODE = 'PGG02';",
        "END IF;",
        "RETURN done;",
    ]
    return _function(
        named(table, "prove"),
        "part regclass",
        "bigint",
        "VOLATILE\nSET search_path = pg_catalog, pg_temp\nSET row_security = off",
        body,
        declare=["done bigint", "wrong bigint"],
    )
