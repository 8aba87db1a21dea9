"""The side doors of a mandate, one by one: each keeps it closed when it leads to personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from tests.mandates import LABORATORY, prepare, write_policy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HARMLESS = """
CREATE TABLE public.postcode (code text, town text);
GRANT SELECT ON public.postcode TO PUBLIC;
"""
# what is done, and a part of the refusal
REFUSING = {
    "table": ("GRANT USAGE ON SCHEMA lab TO PUBLIC; GRANT SELECT ON lab.patient TO PUBLIC", "lab.patient in"),
    "column": ("GRANT SELECT (nir) ON lab.patient TO PUBLIC", "it leads to a mandated table"),
    "writing": ("GRANT INSERT ON lab.result TO PUBLIC", "PUBLIC has INSERT on it"),
    "view": (
        "CREATE VIEW public.v AS SELECT nir FROM lab.patient; GRANT SELECT ON public.v TO PUBLIC",
        "public.v",
    ),
    "view of a view": (
        "CREATE VIEW lab.v AS SELECT id AS n FROM lab.patient WHERE nir <> ''; "
        "CREATE VIEW public.w AS SELECT n FROM lab.v; GRANT SELECT ON public.w TO PUBLIC",
        "public.w in",
    ),
    "materialized view": (
        "CREATE MATERIALIZED VIEW public.m AS SELECT upper(name) AS u FROM lab.patient; "
        "GRANT SELECT ON public.m TO PUBLIC",
        "public.m in",
    ),
    "materialized by a function": (
        "CREATE FUNCTION lab.names() RETURNS SETOF text LANGUAGE sql AS 'SELECT name FROM lab.patient'; "
        "REVOKE EXECUTE ON FUNCTION lab.names() FROM PUBLIC; "
        "CREATE MATERIALIZED VIEW public.m AS SELECT n AS code FROM lab.names() AS n; "
        "GRANT SELECT ON public.m TO PUBLIC",
        "made by functions",
    ),
    "parent": (
        "CREATE TABLE public.p (name text); GRANT SELECT ON public.p TO PUBLIC; "
        "CREATE TABLE lab.k () INHERITS (public.p); ALTER TABLE lab.patient INHERIT public.p",
        "it leads to",
    ),
    "second parent": (
        "CREATE TABLE public.p (name text); CREATE TABLE public.q (name text); "
        "GRANT SELECT ON public.q TO PUBLIC; ALTER TABLE lab.patient INHERIT public.p; "
        "ALTER TABLE lab.patient INHERIT public.q",
        "tables inherit from it and from others",
    ),
    "definer": (
        "CREATE FUNCTION public.f(int) RETURNS text LANGUAGE sql SECURITY DEFINER "
        "AS 'SELECT nir FROM lab.patient WHERE id = $1'",
        "public.f(integer) in database postgres: it runs as postgres",
    ),
    "definer that says yes or no": (
        "CREATE FUNCTION public.f(text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER "
        "AS 'BEGIN RETURN EXISTS (SELECT FROM lab.patient WHERE nir = $1); END'",
        "public.f(text)",
    ),
    "definer by another": (
        "CREATE FUNCTION lab.g() RETURNS text LANGUAGE sql AS 'SELECT max(code) FROM lab.result'; "
        "CREATE FUNCTION public.f() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT lab.g()'",
        "public.f()",
    ),
    "definer that builds SQL": (
        "CREATE FUNCTION public.f(text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER "
        "AS 'BEGIN EXECUTE $1; END'",
        "nothing tells what it reads",
    ),
    "definer that runs what it is given": (
        "CREATE FUNCTION public.f(text) RETURNS xml LANGUAGE sql SECURITY DEFINER "
        "AS 'SELECT query_to_xml($1, true, false, '''')'",
        "nothing tells what it reads",
    ),
    "internal": (
        "CREATE FUNCTION public.f(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all'",
        "it is written in internal",
    ),
    "aggregate": (
        "CREATE FUNCTION lab.step(text, int) RETURNS text LANGUAGE sql SECURITY DEFINER "
        "AS 'SELECT max(nir) FROM lab.patient WHERE id = $2'; "
        "REVOKE EXECUTE ON FUNCTION lab.step(text, int) FROM PUBLIC; "
        "CREATE AGGREGATE public.told(int) (SFUNC = lab.step, STYPE = text)",
        "it is an aggregate",
    ),
    "trigger": (
        "CREATE TABLE public.t (code text); GRANT INSERT ON public.t TO PUBLIC; "
        "CREATE FUNCTION lab.tell() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
        "'BEGIN RAISE NOTICE ''%'', (SELECT max(nir) FROM lab.patient); RETURN new; END'; "
        "CREATE TRIGGER tell BEFORE INSERT ON public.t FOR EACH ROW EXECUTE PROCEDURE lab.tell()",
        "which fires lab.tell()",
    ),
    "rule": (
        "CREATE TABLE public.t (code text); GRANT INSERT ON public.t TO PUBLIC; "
        "CREATE RULE r AS ON INSERT TO public.t DO ALSO UPDATE public.postcode SET town = 'x'",
        "its rules act with its owner's rights",
    ),
    "large object": (
        "SELECT lo_create(77); GRANT SELECT ON LARGE OBJECT 77 TO PUBLIC",
        "large object 77",
    ),
    "default privileges": (
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        "default privileges of",
    ),
    "statistics": ("GRANT SELECT ON pg_catalog.pg_statistic TO PUBLIC", "pg_catalog.pg_statistic"),
    "view of statistics": (
        "CREATE VIEW public.v AS SELECT stavalues1::text FROM pg_catalog.pg_statistic; "
        "GRANT SELECT ON public.v TO PUBLIC",
        "it shows what the catalog keeps from logins",
    ),
    "system function": ("GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) TO PUBLIC", "pg_ls_dir"),
}
LISTED = {
    "harmless table": ("SELECT 1", "public.postcode in database postgres"),
    "harmless definer": (
        "CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql SECURITY DEFINER "
        "AS 'SELECT count(*) FROM public.postcode'",
        "public.f() in database postgres",
    ),
    "creating": ("GRANT CREATE ON SCHEMA public TO PUBLIC", "schema public"),
}
CLOSED = {
    "view without a grant": "CREATE VIEW public.v AS SELECT nir FROM lab.patient",
    "definer that is closed": (
        "CREATE FUNCTION public.f() RETURNS text LANGUAGE sql SECURITY DEFINER "
        "AS 'SELECT max(nir) FROM lab.patient'; "
        "REVOKE EXECUTE ON FUNCTION public.f() FROM PUBLIC"
    ),
    "invoker": "CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS 'SELECT max(nir) FROM lab.patient'",
    "trigger function": (
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        "AS 'BEGIN RETURN new; END'"
    ),
    "large object of its owner": "SELECT lo_create(78)",
}


@pytest.fixture(scope="module")
def own(postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE template_lab")
        with psycopg.connect(running.dsn(dbname="template_lab"), autocommit=True) as connection:
            connection.execute(LABORATORY + HARMLESS)
            connection.execute(
                "UPDATE pg_database SET datistemplate = true, datallowconn = true "
                "WHERE datname = 'template_lab'"
            )
        yield running


@pytest.fixture
def scene(own: Cluster) -> Iterator[psycopg.Connection]:
    """A database that is made anew for each test, by name postgres: the mandate's."""
    with psycopg.connect(own.dsn(dbname="template1"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS postgres")
        connection.execute("CREATE DATABASE postgres TEMPLATE template_lab")
        connection.execute("REVOKE CONNECT ON DATABASE template_lab FROM PUBLIC")
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("kind", REFUSING)
def test_a_door_to_personal_data_keeps_a_mandate_closed(
    own: Cluster, scene: psycopg.Connection, tmp_path: Path, kind: str
) -> None:
    statements, said = REFUSING[kind]
    scene.execute(statements.encode())
    scope = prepare(own.dsn(), write_policy(tmp_path))
    assert any(said in one for one in scope.refusals), scope.refusals
    assert scope.reasons == ()


@pytest.mark.parametrize("kind", LISTED)
def test_other_doors_are_listed(own: Cluster, scene: psycopg.Connection, tmp_path: Path, kind: str) -> None:
    statements, said = LISTED[kind]
    scene.execute(statements.encode())
    scope = prepare(own.dsn(), write_policy(tmp_path))
    assert scope.refusals == ()
    assert said in [
        one.name.removesuffix(" in database postgres") if kind == "creating" else one.name
        for one in scope.doors
    ]


@pytest.mark.parametrize("kind", CLOSED)
def test_what_is_closed_is_no_door(
    own: Cluster, scene: psycopg.Connection, tmp_path: Path, kind: str
) -> None:
    scene.execute(CLOSED[kind].encode())
    scope = prepare(own.dsn(), write_policy(tmp_path))
    assert scope.refusals == ()
    assert {one.name for one in scope.doors} == {
        "public.postcode in database postgres",
        "database template1",
    }


def test_other_databases_count(own: Cluster, scene: psycopg.Connection, tmp_path: Path) -> None:
    with psycopg.connect(own.dsn(dbname="template1"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE copy TEMPLATE template_lab")
    try:
        with psycopg.connect(own.dsn(dbname="copy"), autocommit=True) as connection:
            connection.execute("CREATE VIEW public.v AS SELECT nir FROM lab.patient")
            connection.execute("GRANT SELECT ON public.v TO PUBLIC")
            refused = prepare(own.dsn(), write_policy(tmp_path)).refusals
            assert any("public.v in database copy" in one for one in refused)
            connection.execute("REVOKE CONNECT ON DATABASE copy FROM PUBLIC")
            assert prepare(own.dsn(), write_policy(tmp_path)).refusals == ()
    finally:
        with psycopg.connect(own.dsn(dbname="template1"), autocommit=True) as connection:
            connection.execute("DROP DATABASE copy")
