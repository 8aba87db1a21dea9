"""Every kind of change for names that careless quoting would stumble over, on a real server."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.changes.functions import set_search_path
from pgguard.changes.indexes import drop_index
from pgguard.changes.memberships import revoke_grant
from pgguard.changes.ownership import change_owner
from pgguard.changes.policies import drop_policy
from pgguard.changes.privileges import alter_default, grant, revoke, revoke_admin_option
from pgguard.changes.role_settings import set_for_role
from pgguard.changes.roles import alter_role, reset_setting
from pgguard.changes.secrets import drop_comment, drop_default, reset_parameter
from pgguard.changes.tables import enable, enable_event_trigger, enable_row_security, force_row_security
from pgguard.model.plan import Plan, Step
from pgguard.model.quote import ident, literal, qualified
from pgguard.model.rows import PUBLIC, Membership, RowPolicy
from pgguard.plan import folder
from pgguard.plan.migration import migrations
from tests.odd_names import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Change

LAYOUTS = ("flyway", "alembic", "sqitch")


@pytest.fixture
def connection(cluster: Cluster) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster.dsn(dbname="lab", client_encoding="UTF8")) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("name", NAMES)
def test_planned_before_done_after_and_planned_again(
    name: str, cluster: Cluster, connection: psycopg.Connection
) -> None:
    other = NAMES[NAMES.index(name) - 1]
    for statement in _made(name, other):
        connection.execute(statement.encode())
    connection.execute("SET LOCAL search_path = ''")
    for change in _changes(connection, name, other, cluster.postgres.major):
        assert _holds(connection, change) == (True, False), change
        connection.execute(change.sql.encode())
        assert _holds(connection, change) == (False, True), change
        if change.undo:
            connection.execute(change.undo.encode())
            assert _holds(connection, change) == (True, False), change


@pytest.mark.parametrize("name", NAMES)
def test_files_with_such_names_do_what_they_say_and_nothing_else(
    name: str, cluster: Cluster, connection: psycopg.Connection
) -> None:
    other = NAMES[NAMES.index(name) - 1]
    for statement in _made(name, other):
        connection.execute(statement.encode())
    connection.execute("SET LOCAL search_path = ''")
    moment = datetime.datetime.now(tz=datetime.UTC).isoformat()
    for change in _changes(connection, name, other, cluster.postgres.major):
        step = Step(
            "odd", f"About {name}", f"because {name}", (change,), database="lab", risk=name, first=name
        )
        plan = Plan(name, f"{cluster.postgres.major}.1", moment, name, (step,))
        (file,) = migrations(plan)
        assert folder.contents(plan, (file,))
        assert all(folder.contents(plan, (file,), layout) for layout in LAYOUTS)
        _run(connection, file.up)
        _run(connection, file.verify)
        assert _holds(connection, change) == (False, True)
        _run(connection, file.up)
        if change.undo:
            _run(connection, file.down)
            _run(connection, file.down)
            assert _holds(connection, change) == (True, False)


def _run(connection: psycopg.Connection, text: str) -> None:
    # its own transaction is left to the test's, which is rolled back
    connection.execute(text.replace("\nBEGIN;\n", "\n", 1).removesuffix("COMMIT;\n").encode())


def _holds(connection: psycopg.Connection, change: Change) -> tuple[bool, bool]:
    row = connection.execute(f"SELECT {change.planned}, {change.done}".encode()).fetchone()
    assert row is not None
    return row[0], row[1]


def _made(name: str, other: str) -> Iterator[str]:
    odd, table, role = ident(name), qualified(name, name), ident(other)
    yield f"CREATE ROLE {odd} LOGIN"
    yield f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 3"
    yield f"GRANT {role} TO {odd} WITH ADMIN OPTION"
    yield f"ALTER ROLE {odd} SET work_mem = '5MB'"
    yield f"ALTER ROLE {odd} IN DATABASE lab SET search_path = {literal(name)}, public"
    yield f"CREATE SCHEMA {odd}"
    yield f"CREATE TABLE {table} ({odd} text DEFAULT {literal(name)}, n int)"
    yield f"CREATE INDEX {odd} ON {table} (lower({odd}))".replace(
        f"INDEX {odd}", f"INDEX {ident(name[:20] + ' i')}"
    )
    yield f"COMMENT ON TABLE {table} IS {literal(name)}"
    yield f"COMMENT ON COLUMN {qualified(name, name, name)} IS {literal(name)}"
    yield f"COMMENT ON SCHEMA {odd} IS {literal(name)}"
    yield f"CREATE POLICY {odd} ON {table} TO {role} USING ({odd} = {literal(name)})"
    yield (
        f"CREATE FUNCTION {table}({odd} text) RETURNS text LANGUAGE sql SECURITY DEFINER "
        f"SET work_mem = '4MB' AS {literal('SELECT ' + literal('x'))}"
    )
    fired, event = qualified(name, "fired"), qualified(name, "event")
    yield f"CREATE FUNCTION {fired}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
    yield f"CREATE TRIGGER {odd} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE PROCEDURE {fired}()"
    yield f"ALTER TABLE {table} DISABLE TRIGGER {odd}"
    yield f"CREATE RULE {odd} AS ON DELETE TO {table} DO INSTEAD NOTHING"
    yield f"ALTER TABLE {table} DISABLE RULE {odd}"
    yield f"CREATE FUNCTION {event}() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'"
    yield f"CREATE EVENT TRIGGER {odd} ON sql_drop EXECUTE PROCEDURE {event}()"
    yield f"ALTER EVENT TRIGGER {odd} DISABLE"
    yield f"GRANT SELECT ({odd}), UPDATE, TRUNCATE ON {table} TO {role}"
    yield f"GRANT INSERT ON {table} TO {role} WITH GRANT OPTION"
    yield f"GRANT USAGE, CREATE ON SCHEMA {odd} TO PUBLIC"
    yield f"CREATE SEQUENCE {qualified(name, 'numbers')}"
    yield f"GRANT USAGE ON SEQUENCE {qualified(name, 'numbers')} TO {role}"
    yield f"CREATE FOREIGN DATA WRAPPER {odd}"
    yield f"CREATE SERVER {odd} FOREIGN DATA WRAPPER {odd}"
    yield f"GRANT USAGE ON FOREIGN DATA WRAPPER {odd} TO {role}"
    yield f"GRANT USAGE ON FOREIGN SERVER {odd} TO {role}"
    yield f"ALTER DEFAULT PRIVILEGES FOR ROLE {odd} IN SCHEMA {odd} GRANT SELECT ON TABLES TO {role}"


def _changes(connection: psycopg.Connection, name: str, other: str, major: int) -> Iterator[Change]:
    table = qualified(name, name)
    function = f"{table}(text)"
    index = qualified(name, name[:20] + " i")
    yield revoke(["SELECT"], f"TABLE {table}", other, columns=[name])
    yield revoke(["UPDATE", "TRUNCATE"], f"TABLE {table}", other)
    yield revoke(["INSERT"], f"TABLE {table}", other, grantable=True)
    yield revoke(["INSERT"], f"TABLE {table}", other, grant_option_only=True)
    yield revoke(["USAGE", "CREATE"], f"SCHEMA {ident(name)}", PUBLIC)
    yield revoke(["EXECUTE"], f"FUNCTION {function}", PUBLIC)
    yield revoke(["USAGE"], f"SEQUENCE {qualified(name, 'numbers')}", other)
    yield revoke(["USAGE"], f"FOREIGN DATA WRAPPER {ident(name)}", other)
    yield revoke(["USAGE"], f"FOREIGN SERVER {ident(name)}", other)
    yield revoke(["USAGE"], "LANGUAGE plpgsql", PUBLIC)
    yield revoke(["CONNECT", "TEMPORARY"], "DATABASE lab", PUBLIC)
    yield grant(["SELECT", "DELETE"], f"TABLE {table}", name)
    yield alter_default(["SELECT"], "TABLES", other, role=name, schema=name)
    yield alter_default(["EXECUTE"], "FUNCTIONS", PUBLIC, role=name)
    edge = Membership(other, name, "postgres", admin=True, inherit=True, set=True)
    yield revoke_admin_option(edge, major=major)
    yield revoke_grant(edge, major=major)
    yield alter_role(name, "NOLOGIN", "LOGIN")
    yield alter_role(other, "CONNECTION LIMIT 5", "CONNECTION LIMIT 3")
    yield set_for_role(other, "statement_timeout", "5s")
    yield reset_setting("work_mem", role=name, value="5MB")
    for (value,) in connection.execute(
        "SELECT substr(one, length('search_path=') + 1) FROM pg_catalog.pg_db_role_setting, "
        "unnest(setconfig) AS u (one) WHERE one LIKE 'search_path=%'"
    ).fetchall():
        yield reset_setting("search_path", role=name, database="lab", value=value)
    yield set_search_path(function, ["pg_catalog", name, "pg_temp"], None)
    yield reset_parameter(function, "work_mem")
    yield change_owner(f"FUNCTION {function}", name, "postgres")
    yield change_owner(f"TABLE {table}", name, "postgres")
    yield enable_row_security(table)
    yield force_row_security(table)
    yield enable("TRIGGER", name, table, "D")
    yield enable("TRIGGER", name, table, "D", always=True)
    yield enable("RULE", name, table, "D")
    yield enable_event_trigger(name, "D")
    condition = connection.execute(
        "SELECT p.oid, pg_catalog.pg_get_expr(p.polqual, p.polrelid) FROM pg_catalog.pg_policy AS p "
        "WHERE p.polname = %s",
        [name],
    ).fetchone()
    assert condition is not None
    row = RowPolicy(oid=condition[0], relation=0, name=name, permissive=True, command="ALL", roles=(other,))
    yield drop_policy(row, table, condition[1], None)
    definition = connection.execute(
        "SELECT pg_catalog.pg_get_indexdef(pg_catalog.to_regclass(%s))", [index]
    ).fetchone()
    assert definition is not None
    yield drop_index(index, definition[0])
    yield drop_default(table, name)
    yield drop_comment(f"TABLE {table}")
    yield drop_comment(f"COLUMN {qualified(name, name, name)}")
    yield drop_comment(f"SCHEMA {ident(name)}")
