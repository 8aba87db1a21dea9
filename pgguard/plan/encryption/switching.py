"""The name of a table becomes a view, and days with both follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import relation_is, unless
from pgguard.model.finding import Change, Safety
from pgguard.model.quote import dollar, grantee, ident, literal, qualified
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption.contracting import (
    restored,
)
from pgguard.plan.encryption.expanding import (
    find_change,
)
from pgguard.plan.encryption.naming import beside
from pgguard.plan.encryption.stating import (
    LONG,
    MOMENT,
    parts,
    run_call,
    step_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.encryption import EncryptedTable
    from pgguard.model.plan import Step


# more than one relation is locked, and sessions that read a view lock them in another order: whoever waits
# for us in a circle is not to be the one that PostgreSQL ends after deadlock_timeout (1 s)
BRIEFLY = "SET LOCAL lock_timeout = '300ms';"


def switch(table: EncryptedTable, major: int) -> Step:
    name, storage = made.table_name(table), made.storage_name(table)
    is_table = relation_is(name, "c.relkind IN ('r', 'p')")
    is_view = relation_is(name, "c.relkind = 'v'")
    stored = relation_is(storage, "c.relkind IN ('r', 'p')")
    short = ident(beside(table.shape.name, "pgg1"))
    write = f"{made.named(table, 'write')}()"
    searched = [one for one in table.columns if one.searchable]
    finding = [find_change(table, one) for one in searched]
    up = [
        BRIEFLY,
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
        BRIEFLY,
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
    return step_of(
        table,
        "switch",
        "Switch",
        f"the name {name} becomes a view that opens the values for those who may read them, and the table "
        f"is called {storage}; the clear columns stay, and go on being written.{also}",
        [
            Change(
                "\n".join(up),
                "\n".join(down),
                f"{MOMENT}; and on the views that read it",
                done=f"{is_view} AND {stored}",
                why="one transaction, tried again when a lock cannot be had in time",
            )
        ],
        first="what plan.md says of the statements that programs send",
    )


def _view_grants(table: EncryptedTable, name: str) -> Iterator[str]:
    body = (
        "DECLARE\n    one text;\nBEGIN\n"
        "    -- nobody but those who are named here, whatever default privileges gave\n"
        "    FOR one IN SELECT DISTINCT CASE e.grantee WHEN 0 THEN 'PUBLIC' "
        "ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(e.grantee)) END\n"
        "        FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS e\n"
        f"        WHERE c.oid = pg_catalog.to_regclass({literal(name)}) AND e.grantee <> c.relowner\n"
        "    LOOP\n"
        f"        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s', {literal(name)}, one);\n"
        "    END LOOP;\nEND"
    )
    yield f"DO {dollar(body)};"
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


def soak(table: EncryptedTable) -> Step:
    storage = made.storage_name(table)
    proofs = [f"SELECT {made.named(table, 'prove')}({literal(one)});" for one in parts(table, storage)]
    back = [run_call(table, "refill", storage), *restored(table), *proofs]
    return step_of(
        table,
        "soak",
        "Soak",
        "programs work with encrypted values while the clear ones are still beside them: a time of days, in "
        "which everything can be taken back without a loss. This file proves every row once more",
        [
            Change(
                "\n".join(proofs),
                "\n".join(back),
                "ACCESS SHARE on the table",
                transactional=False,
                safety=Safety.SAFE,
                why="needs a session with the key. Its undo is the way back after the contract: it opens "
                "every value into the clear column again",
            )
        ],
        statement_timeout=LONG,
        first="let days pass with all programs at work, month's end and backups among them, before you go on",
    )
