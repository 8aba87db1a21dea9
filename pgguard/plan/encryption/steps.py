"""The steps by which columns are encrypted, phase by phase over all tables.

install, expand, backfill, verify, switch, soak, contract, scrub. Until contract nothing that was there
before is
gone, and taking a step back loses nothing; after it the way back opens the values again.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from pgguard.changes.catalog import relation_is, unless
from pgguard.errors import InputError
from pgguard.model.finding import Change, Safety
from pgguard.model.plan import Step
from pgguard.model.quote import dollar, grantee, ident, literal, qualified
from pgguard.plan.encryption import codec
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption.naming import beside
from pgguard.plan.encryption.refused import names_of_constraints, refusals, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.encryption import EncryptedColumn, EncryptedTable, IndexShape

_MOMENT = "ACCESS EXCLUSIVE on the table, for a moment; waits for those who read it"
_TRIGGER = "SHARE ROW EXCLUSIVE on the table, for a moment; readers go on"
_ONLINE = "SHARE UPDATE EXCLUSIVE on the table: reading and writing go on"
_NONE = "none on tables"
_ROWS = "ROW EXCLUSIVE on the table, and the rows of one batch"
_ESCROW = (
    (
        "EXISTS (SELECT FROM pgguard.kek AS k WHERE k.state = 'current' AND k.escrow_at IS NOT NULL "
        "AND k.drill_at IS NOT NULL)",
        "nobody has opened anything with an escrow copy of the key-encryption key yet, and without that key "
        "the "
        "values are lost: pgguard keys escrow, then pgguard keys restore-drill",
    ),
)
PHASES = ("install", "expand", "backfill", "verify", "switch", "soak", "contract", "scrub")
LONG = "0"
# sessions without a key may go on writing: what a last pass finds of that is left to the verification
_FEW = 1000
# more than one relation is locked, and sessions that read a view lock them in another order: whoever waits
# for us
# in a circle is not to be the one that PostgreSQL ends after deadlock_timeout (1 s)
_BRIEFLY = "SET LOCAL lock_timeout = '300ms';"


def plan_encryption(
    tables: Sequence[EncryptedTable], *, major: int
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps in order, and what is to be done by hand.

    Raises `InputError` with everything that cannot be encrypted as asked for.
    """
    wrong = [why for table in tables for why in refusals(table, major=major)]
    if wrong:
        raise InputError("\n".join(["these cannot be encrypted; nothing was planned:", *wrong]))
    steps = [_install(name) for name in dict.fromkeys(one.database for one in tables)]
    for make in (_expand, _backfill, _verify):
        steps += [make(one) for one in tables]
    views = [one for one in tables if one.form == "view"]
    steps += [_switch(one, major) for one in views]
    for make in (_soak, _contract, _scrub):
        steps += [make(one) for one in tables]
    return tuple(steps), tuple(_by_hand(tables))


def _sql(name: str) -> str:
    text = resources.files("pgguard").joinpath("sql", "install", name).read_text(encoding="utf-8")
    return text.strip()


def _install(database: str) -> Step:
    return Step(
        slug="encryption_installed",
        title="What encryption needs in this database: pgcrypto, keys, the scheme pgg1",
        why="values are encrypted and opened by functions of the schema pgguard, with keys that only they "
        "can use",
        changes=(
            Change(
                _sql("010_encryption.sql"),
                _sql("010_encryption.down.sql"),
                _NONE,
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


def _slug(table: EncryptedTable, what: str) -> str:
    plain = "".join(one if one.isascii() and one.isalnum() else "_" for one in table.shape.name.lower())
    return f"{what}_{plain[:40]}"


def _step(
    table: EncryptedTable, phase: str, title: str, why: str, changes: Iterable[Change], **more: object
) -> Step:
    return Step(
        slug=_slug(table, phase),
        title=f"{title} {told(table)}",
        why=why,
        changes=tuple(changes),
        database=table.database,
        phase=phase,
        asserts=(*_keys_are_there(table), *(_ESCROW if phase == "contract" else ())),
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


def _function(sql: str, signature: str, roles: Sequence[str] | None, *, keys: bool, why: str) -> Change:
    """A function that is created, given to its owner, and may be called by those roles alone."""
    allowed = f"ARRAY[{', '.join(map(literal, roles or ()))}]::text[]"
    return Change(
        f"{sql}\nSELECT pgguard.hand_over({literal(signature)}, {allowed}, {'true' if keys else 'false'});",
        f"DROP FUNCTION IF EXISTS {signature};",
        _NONE,
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


def _expand(table: EncryptedTable) -> Step:
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
            _MOMENT,
            safety=Safety.SAFE,
            done=_all(_has_column(table, column) for column, _ in parts),
            why="columns for the encrypted values; adding them rewrites nothing",
        ),
        _registered(table),
        *_functions(table),
        _sealing(table, name, "tolerant"),
    ]
    return _step(
        table,
        "expand",
        "Expand",
        "encrypted values get columns of their own, and whatever is written from now on is sealed into them "
        "too; "
        "a session without a key goes on writing as before, and the backfill seals what it wrote",
        changes,
    )


def _where(table: EncryptedTable) -> str:
    """The table that stores, by SQL: before the switch and after it."""
    storage, name = literal(made.storage_name(table)), literal(made.table_name(table))
    if storage == name:
        return f"pg_catalog.to_regclass({name})"
    return f"coalesce(pg_catalog.to_regclass({storage}), pg_catalog.to_regclass({name}))"


def _has_constraint(table: EncryptedTable, name: str, condition: str = "") -> str:
    more = f" AND {condition}" if condition else ""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_constraint AS k "
        f"WHERE k.conrelid = {_where(table)} AND k.conname = {literal(name)}{more})"
    )


def _all(expressions: Iterable[str]) -> str:
    return " AND ".join(expressions)


def _has_column(table: EncryptedTable, column: str) -> str:
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a "
        f"WHERE a.attrelid = {_where(table)} AND a.attname = {literal(column)} AND NOT a.attisdropped)"
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
        _NONE,
        safety=Safety.SAFE,
        done=f"(SELECT pg_catalog.count(*) FROM pgguard.encrypted_column AS e WHERE e.id IN ({ids})) = "
        f"{len(rows)}",
        why="the register of encrypted columns, which keys and their rotation go by",
    )


def _functions(table: EncryptedTable) -> Iterator[Change]:
    for one in table.columns:
        column = made.shape_of(table, one.name)
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
                made.blind(table, one),
                f"{made.named(table, 'blind', one.name)}({codec.argument(column)})",
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
            yield _found(table, one)
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


def _found(table: EncryptedTable, one: EncryptedColumn) -> Change:
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
        _TRIGGER,
        done=_has_trigger(table, made.INSERT_TRIGGER),
        why="what is written is sealed in the same statement",
    )


def _has_trigger(table: EncryptedTable, name: str) -> str:
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_trigger AS t "
        f"WHERE t.tgrelid = {_where(table)} AND t.tgname = {literal(name)})"
    )


def parts(table: EncryptedTable, name: str) -> tuple[str, ...]:
    """The tables that hold the rows: itself, or its partitions."""
    return table.shape.leaves if table.shape.kind == "p" else (name,)


def _array(names: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(map(literal, names))}]::text[]"


def _run(table: EncryptedTable, kind: str, name: str, *, enough: int = 0) -> str:
    function = literal(made.named(table, kind))
    last = f", enough => {enough}" if enough else ""
    return f"CALL pgguard.run_backfill({literal(name)}, {function}, {_array(parts(table, name))}{last});"


def _backfill(table: EncryptedTable) -> Step:
    name = made.table_name(table)
    function = made.named(table, "backfill")
    return _step(
        table,
        "backfill",
        "Backfill",
        "the rows that were there before are sealed, in batches of about 1,000; each is opened again and "
        "compared "
        "with the clear value before it is kept, and what was broken off goes on where it stopped",
        [
            Change(
                _run(table, "backfill", name, enough=_FEW),
                f"DELETE FROM pgguard.backfill WHERE relation = {literal(function)};",
                _ROWS,
                transactional=False,
                safety=Safety.SAFE,
                done=f"EXISTS (SELECT FROM pgguard.backfill AS b WHERE b.relation = {literal(function)})",
                why="needs a session with the key; VACUUM the table beside it",
            )
        ],
        statement_timeout=LONG,
    )


def _verify(table: EncryptedTable) -> Step:
    name = made.table_name(table)
    changes = [_strict(table, name), _caught_up(table, name)]
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
    return _step(
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
        _NONE,
        transactional=False,
        why="no clear value is written any more that is not sealed in the same statement",
    )


def _caught_up(table: EncryptedTable, name: str) -> Change:
    """What sessions without a key wrote since the backfill, up to the last of them."""
    waited = f"BEGIN\n    LOCK TABLE {name} IN SHARE MODE;\nEND"
    return Change(
        f"DO {dollar(waited)};\n{_run(table, 'backfill', name)}",
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
    done = _has_constraint(table, name, "k.convalidated")
    return Change(
        f"{unless(_has_constraint(table, name), added)}\nALTER TABLE {on} VALIDATE CONSTRAINT {quoted};",
        f"ALTER TABLE {on} DROP CONSTRAINT IF EXISTS {quoted};",
        f"{_MOMENT}; then {_ONLINE}",
        transactional=False,
        done=f"({done} OR {_has_constraint(table, until)})" if until else done,
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
        yield _index(
            table, name, _index_name(index.name), blind_definition(table, index), unique=index.unique
        )
    for column in searched:
        if column not in done:
            label = beside(f"{table.shape.name}_{column}", "find_idx")
            yield _index(table, name, label, [ident(made.index_column(column))], unique=False)


def _index(table: EncryptedTable, name: str, label: str, columns: Sequence[str], *, unique: bool) -> Change:
    kind = "UNIQUE INDEX" if unique else "INDEX"
    quoted = qualified(table.shape.schema, label)
    listed = ", ".join(columns)
    usable = _usable(quoted)
    if table.shape.kind == "p":
        # a partitioned index cannot be built beside running work: its parts are, and then it takes them over
        each = [
            f"CREATE {kind} CONCURRENTLY IF NOT EXISTS {ident(beside(f'{label}_{number}', 'part'))} ON "
            f"{part} ({listed});"
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
        _ONLINE,
        transactional=False,
        safety=Safety.SAFE,
        done=usable,
        why="equal values are found by their blind index",
    )


def _switch(table: EncryptedTable, major: int) -> Step:
    name, storage = made.table_name(table), made.storage_name(table)
    is_table = relation_is(name, "c.relkind IN ('r', 'p')")
    is_view = relation_is(name, "c.relkind = 'v'")
    stored = relation_is(storage, "c.relkind IN ('r', 'p')")
    short = ident(beside(table.shape.name, "pgg1"))
    write = f"{made.named(table, 'write')}()"
    searched = [one for one in table.columns if one.searchable]
    finding = [_found(table, one) for one in searched]
    up = [
        _BRIEFLY,
        f"SELECT pgguard.remember_views({literal(name)}, '{{r,p}}');",
        unless(f"NOT {is_table}", f"ALTER TABLE {name} RENAME TO {short};"),
        unless(is_view, made.view(table, major=major)),
        f"ALTER VIEW {name} OWNER TO {ident(table.shape.owner)};",
        *_view_grants(table, name),
        *(
            f"ALTER VIEW {name} ALTER COLUMN {ident(one.name)} SET DEFAULT {one.default};"
            for one in table.shape.columns
            if one.default and not one.generated
        ),
        *([f"COMMENT ON VIEW {name} IS {literal(table.shape.comment)};"] if table.shape.comment else []),
        *(
            f"COMMENT ON COLUMN {name}.{ident(one.name)} IS {literal(one.comment)};"
            for one in table.shape.columns
            if one.comment
        ),
        made.write_trigger(table, inlet=False),
        f"REVOKE ALL ON FUNCTION {write} FROM PUBLIC;",
        f"DROP TRIGGER IF EXISTS pgguard_write ON {name};",
        *made.view_triggers(table),
        *(one.sql for one in finding),
        "SELECT pgguard.rebuild_views();",
    ]
    down = [
        _BRIEFLY,
        f"SELECT pgguard.remember_views({literal(name)}, '{{v}}');",
        *(one.undo for one in finding),
        unless(
            f"NOT {is_view}", f"ALTER VIEW {name} RENAME TO {ident(beside(table.shape.name, 'pgg1_view'))};"
        ),
        unless(is_table, f"ALTER TABLE {storage} RENAME TO {ident(table.shape.name)};"),
        "SELECT pgguard.rebuild_views();",
        f"DROP VIEW IF EXISTS {qualified(table.shape.schema, beside(table.shape.name, 'pgg1_view'))};",
        f"DROP FUNCTION IF EXISTS {write};",
    ]
    moved = [one.name for one in table.shape.views if one.kind == "v"]
    also = f" Views that read it are given their text again: {', '.join(moved)}." if moved else ""
    return _step(
        table,
        "switch",
        "Switch",
        f"the name {name} becomes a view that opens the values for those who may read them, and the table "
        f"is called "
        f"{storage}; the clear columns stay, and go on being written.{also}",
        [
            Change(
                "\n".join(up),
                "\n".join(down),
                f"{_MOMENT}; and on the views that read it",
                done=f"{is_view} AND {stored}",
                why="one transaction, tried again when a lock cannot be had in time",
            )
        ],
        first="what plan.md says of the statements that programs send",
    )


def _view_grants(table: EncryptedTable, name: str) -> Iterator[str]:
    yield (
        "DO $pgguard$\nDECLARE\n    one text;\nBEGIN\n"
        "    -- nobody but those who are named here, whatever default privileges gave\n"
        "    FOR one IN SELECT DISTINCT CASE e.grantee WHEN 0 THEN 'PUBLIC' "
        "ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(e.grantee)) END\n"
        "        FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS e\n"
        f"        WHERE c.oid = pg_catalog.to_regclass({literal(name)}) AND e.grantee <> c.relowner\n"
        "    LOOP\n"
        f"        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s', {literal(name)}, one);\n"
        "    END LOOP;\nEND\n$pgguard$;"
    )
    by_grantee: dict[tuple[str, str, bool], list[str]] = {}
    for one in table.shape.grants:
        by_grantee.setdefault((one.grantee, one.column, one.grantable), []).append(one.privilege)
    for (who, column, grantable), privileges in by_grantee.items():
        # what a view has no use for
        kept = [one for one in privileges if one in ("SELECT", "INSERT", "UPDATE", "DELETE")]
        if kept:
            only = f" ({ident(column)})" if column else ""
            listed = ", ".join(f"{one}{only}" for one in kept)
            option = " WITH GRANT OPTION" if grantable else ""
            yield f"GRANT {listed} ON TABLE {name} TO {grantee(who)}{option};"


def _soak(table: EncryptedTable) -> Step:
    storage = made.storage_name(table)
    proofs = [f"SELECT {made.named(table, 'prove')}({literal(one)});" for one in parts(table, storage)]
    back = [_run(table, "refill", storage), *_restored(table), *proofs]
    return _step(
        table,
        "soak",
        "Soak",
        "programs work with encrypted values while the clear ones are still beside them: a time of days, in "
        "which "
        "everything can be taken back without a loss. This file proves every row once more",
        [
            Change(
                "\n".join(proofs),
                "\n".join(back),
                "ACCESS SHARE on the table",
                transactional=False,
                safety=Safety.SAFE,
                why="needs a session with the key. Its undo is the way back after the contract: it opens "
                "every value "
                "into the clear column again",
            )
        ],
        statement_timeout=LONG,
        first="let days pass with all programs at work, month's end and backups among them, before you go on",
    )


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
    return unless(_has_constraint(table, name), add)


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
            f"{_usable(where)} OR pg_catalog.to_regclass({literal(where)}) IS NULL", f"DROP INDEX {where};"
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


def _usable(index: str) -> str:
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_index AS i "
        f"WHERE i.indexrelid = pg_catalog.to_regclass({literal(index)}) AND i.indisvalid)"
    )


def _on(definition: str, table: EncryptedTable) -> str:
    """An index definition of pg_get_indexdef, for the table under the name it has then."""
    head, found, rest = definition.partition(f" ON {made.table_name(table)} ")
    if not found:
        head, found, rest = definition.partition(f" ON ONLY {made.table_name(table)} ")
    return f"{head} ON {made.storage_name(table)} {rest}" if found else definition


def _restored(table: EncryptedTable) -> Iterator[str]:
    for _, again in _lost(table):
        yield again


def _contract(table: EncryptedTable) -> Step:
    storage = made.storage_name(table)
    marks = [names_of_constraints(table, one.name)[2] for one in table.columns]
    done = _all(_has_constraint(table, mark) for mark in marks)
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
        found = _has_constraint(table, sealed)
        add = f"ALTER TABLE {storage} ADD CONSTRAINT {ident(sealed)} CHECK ({check}) NOT VALID;"
        down.append(unless(found, add))
        comment = literal(column.comment) if column.comment else "NULL"
        down.append(f"COMMENT ON COLUMN {storage}.{ident(one.name)} IS {comment};")
    if table.form == "view":
        up.append(made.write_trigger(table, inlet=True))
        down.append(made.write_trigger(table, inlet=False))
    return _step(
        table,
        "contract",
        "Contract",
        "the clear values go: their columns are dropped, and empty ones of the same names take what is "
        "written",
        [
            Change(
                "\n".join(up),
                "\n".join(down),
                _MOMENT,
                done=done,
                why="after this the way back opens every value again: the undo of the soak does that, and "
                "the column "
                "then stands last in the table",
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


def _scrub(table: EncryptedTable) -> Step:
    storage = made.storage_name(table)
    marks = [names_of_constraints(table, one.name)[2] for one in table.columns]
    validated = [f"ALTER TABLE {storage} VALIDATE CONSTRAINT {ident(mark)};" for mark in marks]
    written = [f"VACUUM (FULL, ANALYZE) {one};" for one in parts(table, storage)]
    nothing = "-- nothing to take back: the rows were only written anew"
    return _step(
        table,
        "scrub",
        "Scrub",
        "what was dropped still lies in the files of the table, in old versions of rows and in statistics: "
        "they are written anew",
        [
            Change(
                "\n".join(validated),
                nothing,
                _ONLINE,
                transactional=False,
                done=_all(_has_constraint(table, mark, "k.convalidated") for mark in marks),
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


def _by_hand(tables: Sequence[EncryptedTable]) -> Iterator[str]:
    if not tables:
        return
    yield (
        "every program that reads or writes encrypted columns calls pgguard.unlock($1) after connecting, "
        "with the "
        "key-encryption key bound as a parameter, or the host key file is set up (pgguard keys host-file)"
    )
    yield (
        "roles that unlock: ALTER ROLE ... SET log_parameter_max_length = 0 where statements are logged; "
        "unlock() "
        "refuses sessions whose bound values would reach the log"
    )
    yield (
        "limits: a superuser, or root on the server, reads everything while a session is unlocked; clear "
        "literals in "
        "the statements of unchanged programs still reach logs; that a value is missing, its length in "
        "steps of 16 bytes, "
        "and with a blind index which values are equal, can be seen; whoever loses the key-encryption key "
        "loses the data"
    )
    yield (
        "UPDATE through a view is refused (40001) when another session changed the row in the same moment, "
        "where "
        "PostgreSQL would have waited and gone on: programs try again"
    )
    if any(one.form == "view" for one in tables):
        yield (
            "from the switch on GRANT and REVOKE on the view do not reach the table behind it: say them for "
            "both, and "
            "for EXECUTE on the column's accessor (pgguard.open__...)"
        )
    for table in tables:
        for publication in table.shape.publications:
            yield (
                f"publication {ident(publication)}: subscribers need the new columns before the files are "
                f"applied, and the "
                f"table's new name after the switch ({made.storage_name(table)})"
            )
        lost = sorted(
            ident(index.name)
            for index in table.shape.indexes
            if {one.name for one in table.columns if not one.searchable} & {*index.columns, *index.uses}
        )
        if lost:
            yield f"indexes of {made.table_name(table)} that go with the clear columns: {', '.join(lost)}"
