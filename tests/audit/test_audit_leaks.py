"""What sessions can make the server print, and rows that arrive by replication."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.audit.store import with_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster

WRITES = (
    "INSERT INTO lab.hidden VALUES ('1850275123456', 'x')",
    "UPDATE lab.hidden SET what = 'y'",
    "UPDATE lab.hidden SET nir = '2850275123456'",
    "DELETE FROM lab.hidden",
    "BEGIN",
    "SELECT pgguard.identify('Dr. House')",
    "INSERT INTO lab.hidden VALUES ('1850275123456', 'x')",
    "COMMIT",
    "CREATE TABLE ours.t (a int)",
)


def _printed(secret: bytes) -> tuple[str, ...]:
    """A secret as nodes of plans print it, in decimal bytes, and as text."""
    signed = " ".join(str(byte - 256 if byte > 127 else byte) for byte in secret)
    return signed, secret.hex()


def test_no_plan_log_or_error_has_a_secret(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(
        settings={
            "session_preload_libraries": "auto_explain",
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_nested_statements": "on",
            "auto_explain.log_verbose": "on",
            "auto_explain.log_analyze": "on",
            "log_statement": "none",
        }
    )
    dsn = with_store(cluster, "leaks")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE ROLE app LOGIN; CREATE SCHEMA lab; CREATE SCHEMA ours AUTHORIZATION app;"
            " CREATE TABLE lab.hidden (nir text PRIMARY KEY, what text);"
            " GRANT USAGE ON SCHEMA lab TO app; GRANT ALL ON lab.hidden TO app;"
            " SELECT pgguard_audit.audit('lab.hidden', 'nir', key_is_tag => true, subject_is_tag => true)"
        )
        row = connection.execute(
            "SELECT secret, pgguard_audit.tag_key(), sha256('claim'::bytea || secret),"
            " sha256('watch'::bytea || secret)"
            " FROM pgguard_audit.installation"
        ).fetchone()
    assert row is not None
    heard: list[str] = []
    with psycopg.connect(cluster.dsn(user="app", dbname="leaks"), autocommit=True) as app:
        app.add_notice_handler(
            lambda notice: heard.append(f"{notice.message_primary} {notice.message_detail}")
        )
        for name in ("debug_print_parse", "debug_print_rewritten", "debug_print_plan"):
            app.execute(f"SET {name} = on")
        app.execute("SET client_min_messages = 'log'")
        # left to itself the server makes the one five times, and then perhaps the other
        for mode in ("force_custom_plan", "force_generic_plan"):
            app.execute(f"SET plan_cache_mode = '{mode}'")
            for statement in WRITES:
                try:
                    app.execute(statement)
                except psycopg.Error as error:
                    heard.append(str(error))
            app.execute("DELETE FROM lab.hidden; DROP TABLE ours.t")
        for statement in (
            "EXPLAIN (ANALYZE, VERBOSE) INSERT INTO lab.hidden VALUES ('1', '2')",
            "INSERT INTO lab.hidden VALUES ('1', '3')",
            "INSERT INTO lab.hidden VALUES (repeat('x', 100000), '')",
            "SET statement_timeout = '1ms'; INSERT INTO lab.hidden SELECT generate_series(2, 100000)",
        ):
            try:
                heard += map(str, app.execute(statement).fetchall())
            except psycopg.Error as error:
                heard.append(
                    f"{error} {error.diag.message_detail} {error.diag.context} {error.diag.internal_query}"
                )
    text = " ".join("\n".join(heard).split()) + " ".join(cluster.log.read_text("utf-8", "replace").split())
    # the way of looking finds what is printed: a constant of the trigger's code, and a plan of it
    assert "pgguard_audit.entry" in text
    assert re.search(r":constvalue 8 \[ \d", text)
    for secret in row:
        for form in _printed(secret):
            assert form not in text


def test_rows_that_arrive_by_replication_are_recorded(new_cluster: Callable[..., Cluster]) -> None:
    """Statement triggers do not fire for them: whoever subscribes an audited table gets row triggers."""
    cluster = new_cluster(settings={"wal_level": "logical"})
    dsn = with_store(cluster, "here")
    with (
        psycopg.connect(cluster.dsn(), autocommit=True) as postgres,
        psycopg.connect(dsn, autocommit=True) as here,
    ):
        postgres.execute("CREATE DATABASE there")
        table = "CREATE TABLE public.t (id int PRIMARY KEY, who int, what text)"
        with psycopg.connect(cluster.dsn(dbname="there"), autocommit=True) as there:
            there.execute(table)
            there.execute("CREATE PUBLICATION p FOR TABLE public.t")
            there.execute("SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
            here.execute(table)
            here.execute("SELECT pgguard_audit.audit('public.t', 'who', '{\"what\": \"plain\"}')")
            source = psycopg.sql.Literal(cluster.dsn(dbname="there"))
            here.execute(
                psycopg.sql.SQL(
                    "CREATE SUBSCRIPTION s CONNECTION {} PUBLICATION p"
                    " WITH (create_slot = false, copy_data = false)"
                ).format(source)
            )
            there.execute("INSERT INTO public.t VALUES (1, 7, 'a')")
            there.execute("UPDATE public.t SET what = 'b'")
            there.execute("DELETE FROM public.t")
        here.execute("INSERT INTO public.t VALUES (2, 7, 'c')")
        found: list[tuple[object, ...]] = []
        deadline = time.monotonic() + 30
        while len(found) < 4 and time.monotonic() < deadline:
            time.sleep(0.1)
            found = here.execute("SELECT verb, key FROM pgguard_audit.change WHERE subject = '7'").fetchall()
        here.execute("DROP SUBSCRIPTION s")
        assert sorted(found, key=str) == [("DELETE", "1"), ("INSERT", "1"), ("INSERT", "2"), ("UPDATE", "1")]


@pytest.mark.parametrize("owner", ["pgguard_auditor", "somebody"])
def test_a_store_that_belongs_to_somebody_else_is_not_built_upon(
    new_cluster: Callable[..., Cluster], owner: str
) -> None:
    cluster = new_cluster()
    # new databases are copies of this one
    with psycopg.connect(cluster.dsn(dbname="template1"), autocommit=True) as connection:
        connection.execute("CREATE ROLE somebody LOGIN")
        if owner == "pgguard_auditor":
            # the role was made before us, and can log in
            connection.execute("CREATE ROLE pgguard_auditor LOGIN")
        else:
            connection.execute("CREATE SCHEMA pgguard_audit AUTHORIZATION somebody")
    with pytest.raises(psycopg.errors.RaiseException, match=r"can log in|belongs to somebody"):
        with_store(cluster, "taken")
