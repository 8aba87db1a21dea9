"""Opening and closing mandates: by a DBA who is no superuser, two at a time, with odd names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ApplyStopped, UsageError
from pgguard.model.mandate_scope import beyond
from pgguard.server.connect import Target
from pgguard.server.mandate_close import close_mandate, what_is_left
from pgguard.server.mandate_proof import prove
from pgguard.server.mandate_state import count_rows
from pgguard.store.policy_file import load
from tests.mandates import LABORATORY, ROLE, TABLES, open_scope, prepare, write_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.mandate import Mandate

BY_POLICY = TABLES.replace("ceiling = 500", 'form = "policy"')


def _mandate(policy: Path) -> Mandate:
    (found,) = load(policy).policy.mandate
    return found


def _silent(_: str) -> None:
    pass


def test_a_dba_who_is_no_superuser_opens_and_closes(
    new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute(LABORATORY)
        connection.execute(
            "CREATE ROLE owner; CREATE ROLE dba LOGIN CREATEROLE IN ROLE owner, pg_signal_backend"
        )
        connection.execute(
            "GRANT CREATE ON DATABASE postgres TO dba; GRANT USAGE ON SCHEMA lab TO owner, dba"
        )
        for table in ("lab.patient", "lab.result"):
            connection.execute(f"ALTER TABLE {table} OWNER TO owner")
    dsn = own.dsn(user="dba")
    policy = write_policy(tmp_path, BY_POLICY)
    scope = prepare(dsn, policy)
    assert scope.refusals == ()
    assert [one.form for one in scope.tables] == ["view", "policy"]
    with pytest.raises(ApplyStopped, match="GRANT USAGE ON SCHEMA lab TO extract_migration"):
        # a GRANT by who may not grant is a warning to PostgreSQL, and no mandate
        open_scope(dsn, scope)
    assert what_is_left(Target(own.dsn()), _mandate(policy)) == []
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute("ALTER SCHEMA lab OWNER TO owner")
    scope = prepare(dsn, policy)
    proof = open_scope(dsn, scope)
    # its privileges are proved, but it may not act as the role
    assert (proof.reasons, proof.as_role) == ((), False)
    assert prove(Target(own.dsn()), scope).as_role
    with psycopg.connect(own.dsn(user=ROLE)) as session:
        assert session.execute("SELECT count(id) FROM mandate_migration.lab__patient").fetchone() == (20,)
        assert session.execute("SELECT count(id) FROM lab.result").fetchone() == (182,)
    assert close_mandate(Target(dsn), _mandate(policy), say=_silent)
    assert what_is_left(Target(own.dsn()), _mandate(policy)) == []


def test_a_table_that_one_mandate_encloses_is_not_opened_for_another(
    new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute(LABORATORY)
    first = write_policy(tmp_path, BY_POLICY)
    open_scope(own.dsn(), prepare(own.dsn(), first))
    # its own is no obstacle to itself
    assert prepare(own.dsn(), first).refusals == ()
    other = tmp_path / "other"
    other.mkdir()
    second = write_policy(other, TABLES.replace('"migration"', '"audit"'), name="audit", role="extract_audit")
    (refused,) = prepare(own.dsn(), second).refusals
    assert "another mandate switched row security on (mandate_migration_others)" in refused
    close_mandate(Target(own.dsn()), _mandate(first), say=_silent)
    both = prepare(own.dsn(), second)
    assert both.refusals == ()
    open_scope(own.dsn(), both)
    open_scope(own.dsn(), prepare(own.dsn(), write_policy(tmp_path, TABLES)))
    assert close_mandate(Target(own.dsn()), _mandate(second), say=_silent)
    # what is another's stays
    assert what_is_left(Target(own.dsn()), _mandate(first)) != []
    assert prove(Target(own.dsn()), prepare(own.dsn(), first)).reasons == ()
    assert close_mandate(Target(own.dsn()), _mandate(first), say=_silent)


def test_names_that_need_quotes(new_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute(
            """CREATE SCHEMA "La b"; CREATE TABLE "La b"."Select" ("Order" int, "a""b" text)"""
        )
        connection.execute("""INSERT INTO "La b"."Select" VALUES (1, 'x'), (2, 'y'); CREATE ROLE "it's" """)
        connection.execute("""ALTER TABLE "La b"."Select" OWNER TO "it's" """)
        tables = (
            "\n[[mandate_table]]\nmandate = 'migration'\n"
            """table = '"La b"."Select"'\n"""
            """columns = ['Order', 'a"b']\nreviewed = ['a"b']\nrows = '"Order" = 1'\n"""
        )
        for form in ("view", "policy"):
            policy = write_policy(
                tmp_path, tables + f"form = '{form}'\n", categories={}, role='Dr. "X"', purpose="it's\nso"
            )
            scope = prepare(own.dsn(), policy)
            assert scope.refusals == ()
            proof = open_scope(own.dsn(), scope)
            assert [one.rows for one in proof.counts] == [1]
            assert close_mandate(Target(own.dsn()), _mandate(policy), say=_silent)
            assert what_is_left(Target(own.dsn()), _mandate(policy)) == []


def test_what_hangs_on_its_views_stops_closing_with_the_login_shut(
    new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute(LABORATORY)
        policy = write_policy(tmp_path)
        open_scope(own.dsn(), prepare(own.dsn(), policy))
        connection.execute("CREATE VIEW lab.copied AS SELECT name FROM mandate_migration.lab__patient")
        with pytest.raises(ApplyStopped, match="other objects depend on it"):
            close_mandate(Target(own.dsn()), _mandate(policy), say=_silent)
        login = connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone()
        assert login == (False,)
        connection.execute("DROP VIEW lab.copied")
        assert close_mandate(Target(own.dsn()), _mandate(policy), say=_silent)


def test_copies_that_the_role_made_go_with_it(new_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute(LABORATORY)
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        policy = write_policy(tmp_path)
        open_scope(own.dsn(), prepare(own.dsn(), policy))
        with psycopg.connect(own.dsn(user=ROLE), autocommit=True) as session:
            session.execute("SET default_transaction_read_only = off")
            session.execute("CREATE TABLE public.copied AS SELECT * FROM mandate_migration.lab__patient")
            session.execute("SELECT lo_from_bytea(4711, 'x')")
        with pytest.raises(ApplyStopped, match="it owns objects in postgres"):
            open_scope(own.dsn(), prepare(own.dsn(), policy))
        assert what_is_left(Target(own.dsn()), _mandate(policy)) == []
        left = "SELECT to_regclass('public.copied'), (SELECT count(*) FROM pg_largeobject_metadata)"
        assert connection.execute(left).fetchone() == (None, 0)


def test_the_rows_of_all_tables_together_are_limited(
    new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute(LABORATORY)
    tables = TABLES.replace("ceiling = 500", "")
    scope = prepare(own.dsn(), write_policy(tmp_path, tables, ceiling=202))
    counts = count_rows(Target(own.dsn()), scope)
    assert beyond(scope.mandate, counts) == []
    less = prepare(own.dsn(), write_policy(tmp_path, tables, ceiling=201))
    said = "all tables together: 202 rows, and at most 201 may leave"
    assert beyond(less.mandate, counts) == [said]
    # rows that came since the plan are counted again by the proof
    with pytest.raises(ApplyStopped, match=said):
        open_scope(own.dsn(), less)
    assert what_is_left(Target(own.dsn()), less.mandate) == []


def test_a_schema_or_role_of_somebody_else_is_left_alone(
    new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute(LABORATORY)
        policy = write_policy(tmp_path)
        connection.execute(
            "CREATE SCHEMA mandate_migration; CREATE VIEW mandate_migration.v AS SELECT 1 AS one"
        )
        assert any("its schema is there already" in one for one in prepare(own.dsn(), policy).refusals)
        assert not close_mandate(Target(own.dsn()), _mandate(policy), say=_silent)
        assert connection.execute("SELECT one FROM mandate_migration.v").fetchone() == (1,)
        # a comment that only begins alike is another mandate's
        connection.execute(f"CREATE ROLE {ROLE}; COMMENT ON ROLE {ROLE} IS 'pgguard mandate migrations: x'")
        with pytest.raises(UsageError, match="nothing was touched"):
            close_mandate(Target(own.dsn()), _mandate(policy), say=_silent)


def test_looks_name_what_may_hold_more(new_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        major = connection.info.server_version // 10000
        made = "text GENERATED ALWAYS AS (upper(code)) STORED" if major >= 12 else "text"
        connection.execute("CREATE SCHEMA lab; CREATE TYPE lab.pair AS (a text, b text)")
        connection.execute("CREATE TYPE lab.kind AS ENUM ('x', 'y')")
        connection.execute(
            "CREATE TABLE lab.wide (id int, code varchar(10), doc jsonb, scan bytea, tags text[], "
            "pair lab.pair, kind lab.kind, words tsvector, large oid, old_value text, remark text, day date, "
            f"amount numeric(8, 2), made {made}, name text)"
        )
    columns = ["id", "doc", "scan", "tags", "pair", "kind", "words", "large", "old_value", "remark", "day"]
    columns += ["amount", "made", "name"]
    tables = f"\n[[mandate_table]]\nmandate = 'migration'\ntable = 'lab.wide'\ncolumns = {columns}\n"
    categories = {"lab.wide.remark": "free_text", "lab.wide.name": "direct_identifier"}
    data_types = ("free_text", "direct_identifier", "special_category", "health_observation")
    scope = prepare(own.dsn(), write_policy(tmp_path, tables, categories=categories, data_types=data_types))
    looks = {one.column: one.reason for one in scope.tables[0].looks}
    assert looks.keys() == {
        "doc", "scan", "tags", "pair", "words", "large", "old_value", "remark", "made",
    }  # fmt: skip
    if major >= 12:
        assert looks["made"] == "it is made from code, outside the mandate"
