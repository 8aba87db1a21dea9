"""The changes of which a mandate is made: each says how the catalog looks before and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import every, negated, relation_is, role_is, unless
from pgguard.model.finding import Change
from pgguard.model.mandate_names import schema_of
from pgguard.model.mandate_scope import digest, ends_at, mark
from pgguard.model.quote import ident, literal, qualified

if TYPE_CHECKING:
    from pgguard.model.mandate import Mandate
    from pgguard.model.mandate_scope import Scope, ScopeTable

_CATALOG = "ROW EXCLUSIVE on system catalogs; readers and writers of tables are not blocked"
_EXCLUSIVE = "ACCESS EXCLUSIVE on the table, for a moment; waits for those who read it"
_WHY = {
    "rows": "the instructed rows",
    "limit": "no other row, whatever other policies allow, and no writing",
    "others": "everybody else goes on as without row security",
}
_LIMITED = (
    "NOT r.rolsuper AND NOT r.rolinherit AND NOT r.rolcreaterole AND NOT r.rolcreatedb "
    "AND NOT r.rolreplication AND NOT r.rolbypassrls AND r.rolconnlimit = 1"
)


def create_role(mandate: Mandate) -> Change:
    """CREATE ROLE for one connection and without a login yet, marked as the mandate's; undone by DROP ROLE.

    VALID UNTIL ends its password only; what ends the role is closing the mandate.
    """
    name = ident(mandate.role)
    said = literal(f"{mark(mandate.name)}: {mandate.purpose}")
    made = (
        f"CREATE ROLE {name} NOLOGIN NOSUPERUSER NOINHERIT NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
        f"CONNECTION LIMIT 1 VALID UNTIL {literal(ends_at(mandate))}; "
        f"COMMENT ON ROLE {name} IS {said}; "
        # the role can change these for itself: they guard against a slip
        f"ALTER ROLE {name} SET default_transaction_read_only = on; "
        f"ALTER ROLE {name} SET idle_in_transaction_session_timeout = '15min';"
    )
    marked = f"pg_catalog.shobj_description(r.oid, 'pg_authid') = {said}"
    lasts = f"r.rolvaliduntil = {literal(ends_at(mandate))}::pg_catalog.timestamptz"
    return Change(
        sql=unless(role_is(mandate.role), made),
        undo=f"DROP ROLE IF EXISTS {name};",
        lock=_CATALOG,
        planned=negated(role_is(mandate.role)),
        done=role_is(mandate.role, f"{_LIMITED} AND {marked} AND {lasts}"),
        why="one connection, nobody's member, for the window alone",
    )


def create_schema(scope: Scope) -> Change:
    """CREATE SCHEMA for the views of a mandate, marked as its own and closed to everybody."""
    name = schema_of(scope.mandate.name)
    quoted, said = ident(name), literal(mark(scope.mandate.name))
    made = (
        f"CREATE SCHEMA {quoted}; COMMENT ON SCHEMA {quoted} IS {said}; "
        # whatever default privileges say
        f"REVOKE ALL ON SCHEMA {quoted} FROM PUBLIC;"
    )
    if not scope.by_superuser:
        # who gives a view to its owner needs the owner's right to create it there
        owners = {one.owner for one in scope.tables if one.form == "view"} - {scope.opener}
        made += "".join(f" GRANT USAGE, CREATE ON SCHEMA {quoted} TO {ident(one)};" for one in sorted(owners))
    return Change(
        sql=unless(_schema_is(name), made),
        undo=f"DROP SCHEMA IF EXISTS {quoted};",
        lock=_CATALOG,
        database=scope.database,
        planned=negated(_schema_is(name)),
        done=_schema_is(name, f"pg_catalog.obj_description(n.oid, 'pg_namespace') = {said}"),
        why="nobody but the role may name what is in it",
    )


def create_view(scope: Scope, table: ScopeTable) -> Change:
    """CREATE VIEW with security_barrier, owned by the table's owner, of the mandated columns and rows."""
    view = qualified(*table.source(scope.mandate.name))
    said = literal(f"{mark(scope.mandate.name)} {digest(table)}")
    where = f" WHERE {table.rows}" if table.rows else ""
    made = (
        f"CREATE VIEW {view} WITH (security_barrier = true) "
        f"AS SELECT {table.listed} FROM {table.table}{where}; "
        f"ALTER VIEW {view} OWNER TO {ident(table.owner)}; "
        f"COMMENT ON VIEW {view} IS {said}; REVOKE ALL ON TABLE {view} FROM PUBLIC;"
    )
    there = f"pg_catalog.to_regclass({literal(view)}) IS NOT NULL"
    done = every(
        (
            "c.relkind = 'v'",
            "'security_barrier=true' = ANY (c.reloptions)",
            f"pg_catalog.pg_get_userbyid(c.relowner) = {literal(table.owner)}",
            f"pg_catalog.obj_description(c.oid, 'pg_class') = {said}",
        )
    )
    return Change(
        sql=unless(there, made),
        undo=f"DROP VIEW IF EXISTS {view};",
        lock="ACCESS SHARE on the table; readers and writers go on",
        database=scope.database,
        planned=negated(there),
        done=relation_is(view, done),
        why=f"the instructed columns and rows of {table.table}, behind a barrier for conditions",
    )


def create_policy(scope: Scope, table: ScopeTable, name: str, part: str) -> Change:
    """CREATE POLICY: `part` rows (what the role sees), limit (no more, and no writing), others (go on)."""
    role = ident(scope.mandate.role)
    rows = table.rows or "true"
    how = {
        "rows": f"FOR SELECT TO {role} USING ({rows})",
        "limit": f"AS RESTRICTIVE FOR ALL TO {role} USING ({rows}) WITH CHECK (false)",
        "others": "FOR ALL TO PUBLIC USING (true) WITH CHECK (true)",
    }[part]
    said = literal(f"{mark(scope.mandate.name)} {digest(table)}")
    made = f"CREATE POLICY {ident(name)} ON {table.table} {how}; "
    made += f"COMMENT ON POLICY {ident(name)} ON {table.table} IS {said};"
    oid = "0" if part == "others" else _oid(scope.mandate.role)
    marked = f"pg_catalog.obj_description(p.oid, 'pg_policy') = {said}"
    done = f"p.polroles = ARRAY[{oid}]::pg_catalog.oid[] AND {marked}"
    return Change(
        sql=unless(_policy_is(table.table, name), made),
        undo=f"DROP POLICY IF EXISTS {ident(name)} ON {table.table};",
        lock=_EXCLUSIVE,
        database=scope.database,
        planned=negated(_policy_is(table.table, name)),
        done=_policy_is(table.table, name, done),
        why=_WHY[part],
    )


def _oid(role: str) -> str:
    return f"(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = {literal(role)})"


def _schema_is(name: str, condition: str = "") -> str:
    more = f" AND {condition}" if condition else ""
    return f"EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = {literal(name)}{more})"


def _policy_is(table: str, name: str, condition: str = "") -> str:
    more = f" AND {condition}" if condition else ""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_policy AS p "
        f"WHERE p.polrelid = pg_catalog.to_regclass({literal(table)}) AND p.polname = {literal(name)}{more})"
    )
