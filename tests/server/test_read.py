"""Reading a cluster that resists: refusals, silence, lost sessions, hostile settings and encodings."""

from __future__ import annotations

import datetime
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from pgguard.errors import ConnectError, Unread
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.policy_file import parse
from tests.snapshots import differences, unread

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.binaries import Postgres
    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Report
    from pgguard.model.snapshot import Snapshot

# what a login that is not superuser never sees
SECRET = {"verifiers", "password_guesses", "hba_quotes"}
# the fetched PostgreSQL 10 brings extensions of later versions, whose control files it cannot read
BROKEN_BUILD = {"available_extensions"}


def run(cluster: Cluster, *statements: str, dbname: str = "postgres") -> None:
    with psycopg.connect(cluster.dsn(dbname=dbname, client_encoding="UTF8"), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def judged(snapshot: Snapshot) -> Report:
    return judge(snapshot, parse("", "no policy"), today=datetime.date(2026, 11, 25))


def test_each_database_is_read_and_the_closed_one_is_unread(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    run(cluster, "CREATE DATABASE lab", "CREATE DATABASE closed ALLOW_CONNECTIONS false")
    snapshot = read_snapshot(Target(cluster.dsn()))
    assert [one.name for one in snapshot.inspected] == ["closed", "lab", "postgres"]
    assert set(unread(snapshot, "closed").values()) == {"it refuses all connections"}
    assert unread(snapshot, "lab").keys() <= BROKEN_BUILD
    assert [one.name for one in read_snapshot(Target(cluster.dsn()), ["lab"]).inspected] == ["lab"]
    two = read_snapshot(Target(cluster.dsn()), ["postgres", "lab", "lab"])
    assert [one.name for one in two.inspected] == ["lab", "postgres"]
    with pytest.raises(ConnectError, match="there is no database nowhere; there are closed, lab"):
        read_snapshot(Target(cluster.dsn()), ["nowhere"])


def test_a_login_without_rights_is_told_what_it_did_not_see(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    run(
        cluster,
        "CREATE ROLE little LOGIN",
        "CREATE ROLE watcher LOGIN IN ROLE pg_monitor",
        "CREATE FOREIGN DATA WRAPPER wrapper",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapper",
        "CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'a', password 'b')",
        "CREATE SUBSCRIPTION copy CONNECTION 'password=c' PUBLICATION p WITH (connect = false)",
        "CREATE DATABASE lab",
    )
    little = read_snapshot(Target(cluster.dsn(user="little", dbname="postgres")))
    hidden = unread(little)
    assert {"sessions", "hba_rules", "file_settings", "config_files", "files"} | SECRET <= hidden.keys()
    assert "hides other roles' sessions" in hidden["sessions"]
    with pytest.raises(Unread, match="data_directory"):
        little.setting("data_directory")

    watcher = read_snapshot(Target(cluster.dsn(user="watcher", dbname="postgres")))
    assert unread(watcher).keys() >= SECRET | {"hba_rules"}
    assert "sessions" not in unread(watcher)
    assert watcher.setting("data_directory").value == str(cluster.data_directory)
    # silently empty views are unread, not clean, and only where there is something to hide
    here = unread(watcher, "postgres")
    assert "to superusers only" in here["user_mappings"]
    assert "connection strings" in here["subscriptions"]
    # pg_statistic holds values of every table
    assert unread(watcher, "lab").keys() - BROKEN_BUILD == {"planner_statistics"}
    lab = next(one for one in watcher.inspected if one.name == "lab")
    assert lab.subscriptions == ()
    assert lab.user_mappings == ()

    report = judged(watcher)
    for outcome in report.outcomes:
        assert not outcome.incomplete or outcome.reason

    superuser = read_snapshot(Target(cluster.dsn()))
    assert unread(superuser, "postgres").keys() <= BROKEN_BUILD
    postgres = next(one for one in superuser.inspected if one.name == "postgres")
    assert postgres.user_mappings[0].option_names == ("password", "user")
    assert postgres.subscriptions[0].has_password
    run(cluster, "ALTER SUBSCRIPTION copy SET (slot_name = NONE)", "DROP SUBSCRIPTION copy")


@pytest.mark.parametrize(
    ("catalog", "sections"),
    [
        ("pg_roles", {"roles", "memberships", "role_settings"}),
        ("pg_database", {"databases", "cluster_acls"}),
        ("pg_settings", {"settings"}),
        ("pg_auth_members", {"memberships"}),
        ("pg_stat_activity", {"sessions"}),
        ("pg_class", {"relations", "columns"}),
        ("pg_proc", {"functions", "definitions", "acls"}),
        ("pg_subscription", {"subscriptions"}),
        ("pg_extension", {"extensions", "statements"}),
    ],
)
def test_a_catalog_that_refuses_is_unread_and_no_check_falls_over(
    new_cluster: Callable[..., Cluster], catalog: str, sections: set[str]
) -> None:
    cluster = new_cluster()
    run(
        cluster,
        "CREATE ROLE watcher LOGIN IN ROLE pg_monitor",
        "CREATE TABLE patient (nir text)",
        f"REVOKE ALL ON pg_catalog.{catalog} FROM PUBLIC",
    )
    snapshot = read_snapshot(Target(cluster.dsn(user="watcher", dbname="postgres")))
    refused = {**unread(snapshot), **unread(snapshot, "postgres")}
    for section in sections:
        assert "permission denied" in refused[section]
    report = judged(snapshot)
    assert any(outcome.incomplete for outcome in report.outcomes)


def test_a_session_ended_by_somebody_is_a_connect_error(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()

    def end_it(text: str) -> None:
        if text.startswith("reading database"):
            run(
                cluster,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgguard'",
            )

    with pytest.raises(ConnectError, match=r"broke off: .*(terminat|closed)") as caught:
        read_snapshot(Target(cluster.dsn()), progress=end_it)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_a_session_ended_in_another_database_leaves_that_one_unread(
    new_cluster: Callable[..., Cluster],
) -> None:
    cluster = new_cluster()
    run(cluster, "CREATE DATABASE lab")
    # a lock keeps the reader waiting in lab until it is ended there
    with psycopg.connect(cluster.dsn(dbname="lab")) as holder:
        holder.execute("LOCK pg_catalog.pg_policy IN ACCESS EXCLUSIVE MODE")

        def end_it() -> None:
            deadline = time.monotonic() + 5
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                while time.monotonic() < deadline:
                    ended = connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = 'lab' AND application_name = 'pgguard'"
                        " AND wait_event_type = 'Lock'"
                    ).fetchall()
                    if ended:
                        return
                    time.sleep(0.02)

        thread = threading.Thread(target=end_it)
        thread.start()
        snapshot = read_snapshot(Target(cluster.dsn()))
        thread.join()
    assert all("broke off" in reason for reason in unread(snapshot, "lab").values())
    assert unread(snapshot, "postgres").keys() <= BROKEN_BUILD
    assert {one.check for one in judged(snapshot).outcomes if one.incomplete}


def test_a_lock_ends_the_waiting_not_the_inspection(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn()) as holder:
        holder.execute("LOCK pg_catalog.pg_policy IN ACCESS EXCLUSIVE MODE")
        snapshot = read_snapshot(Target(cluster.dsn()))
    here = unread(snapshot, "postgres")
    assert "lock timeout" in here["row_policies"]
    assert "relations" not in here


def test_a_database_dropped_meanwhile_is_unread(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    run(cluster, "CREATE DATABASE lab")

    def drop_it(text: str) -> None:
        if text.startswith("guessing"):
            run(cluster, "DROP DATABASE lab")

    snapshot = read_snapshot(Target(cluster.dsn()), progress=drop_it)
    assert [one.name for one in snapshot.inspected] == ["lab", "postgres"]
    assert "does not exist" in unread(snapshot, "lab")["schemas"]


def test_settings_of_the_role_change_nothing(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    objects = (
        "CREATE SCHEMA care",
        "CREATE TABLE care.visit (id serial PRIMARY KEY, at timestamptz DEFAULT '2026-01-02', code bytea"
        " DEFAULT '\\x00ff', span interval DEFAULT '1 day 2 hours', rate float8 DEFAULT 0.1, note text)",
        "CREATE VIEW care.recent AS SELECT id, at FROM care.visit WHERE at > '2026-01-02'",
        "CREATE FUNCTION care.f(a text) RETURNS text LANGUAGE sql AS $$SELECT a || 'a\\b'$$",
        "INSERT INTO care.visit (note) SELECT 'x' FROM generate_series(1, 500)",
        "ANALYZE",
    )
    run(cluster, "CREATE ROLE plain SUPERUSER LOGIN", "CREATE ROLE odd SUPERUSER LOGIN", *objects)
    plain = read_snapshot(Target(cluster.dsn(user="plain", dbname="postgres")))
    odd = {
        "default_transaction_read_only": "on",
        "default_transaction_isolation": "serializable",
        "statement_timeout": "1ms",
        "lock_timeout": "1ms",
        "idle_in_transaction_session_timeout": "200ms",
        "row_security": "off",
        "standard_conforming_strings": "off",
        "backslash_quote": "off",
        "quote_all_identifiers": "on",
        "bytea_output": "escape",
        "DateStyle": "German, DMY",
        "IntervalStyle": "sql_standard",
        "TimeZone": "Pacific/Auckland",
        "extra_float_digits": "-15",
        "search_path": "nowhere",
        "client_encoding": "LATIN1",
        "client_min_messages": "debug1",
        "array_nulls": "off",
        "transform_null_equals": "on",
        "work_mem": "64kB",
    }
    if cluster.postgres.major >= 17:
        odd["transaction_timeout"] = "200ms"
    run(cluster, *(f"ALTER ROLE odd SET {name} = '{value}'" for name, value in odd.items()))
    seen = read_snapshot(Target(cluster.dsn(user="odd", dbname="postgres")))
    apart = {"server_rows", "sessions", "settings", "role_settings", "password_guesses"}
    assert differences(plain, seen, apart) == {}
    assert len(seen.settings) == len(plain.settings)
    # what the role has SET hides the cluster's value, and says so
    with pytest.raises(Unread, match="statement_timeout is set for the inspecting session or role"):
        seen.setting("statement_timeout")
    assert seen.setting("log_statement").value == "none"


def test_nothing_that_others_put_on_the_search_path_is_executed(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    trap = "LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$"
    run(
        cluster,
        "CREATE SCHEMA trap",
        f"CREATE FUNCTION trap.json_build_array(text, text, text, text, text, text, text, boolean, boolean)"
        f" RETURNS json {trap}",
        f"CREATE FUNCTION trap.json_build_array(name, text, bigint) RETURNS json {trap}",
        f"CREATE FUNCTION trap.pg_has_role(text, text) RETURNS boolean {trap}",
        f"CREATE FUNCTION trap.current_setting(text) RETURNS text {trap}",
        f"CREATE FUNCTION trap.to_char(timestamp, text) RETURNS text {trap}",
        f"CREATE FUNCTION trap.equal(text, text) RETURNS boolean {trap}",
        f"CREATE FUNCTION trap.name_equal(name, text) RETURNS boolean {trap}",
        *(
            f"CREATE OPERATOR trap.{operator} (PROCEDURE = trap.equal, LEFTARG = text, RIGHTARG = text)"
            for operator in ("=", "<>", "~", "~*", "||", "~~")
        ),
        *(
            f"CREATE OPERATOR trap.{operator} (PROCEDURE = trap.name_equal, LEFTARG = name, RIGHTARG = text)"
            for operator in ("=", "~~")
        ),
        "CREATE VIEW trap.pg_settings AS SELECT 1 / 0 AS name",
        "CREATE VIEW trap.pg_stat_statements AS SELECT 1 / 0 AS query",
        "CREATE DOMAIN trap.text AS pg_catalog.text CHECK (trap.equal(VALUE, VALUE))",
        "ALTER ROLE postgres SET search_path = trap, pg_catalog",
    )
    snapshot = read_snapshot(Target(cluster.dsn()))
    reasons = [reason for _, name, reason in snapshot.all_missing() if name not in BROKEN_BUILD]
    assert [reason for reason in reasons if "trapped" in reason or "division" in reason] == []
    assert "trapped" not in cluster.log.read_text("utf-8")
    assert "division by zero" not in cluster.log.read_text("utf-8")
    assert len(snapshot.settings) > 200


def test_the_view_of_statements_is_found_without_its_schema_on_the_path(
    postgres: Postgres, new_cluster: Callable[..., Cluster]
) -> None:
    root = postgres.bin.parent
    if not any((root / place / "pg_stat_statements.so").is_file() for place in ("lib", "lib/postgresql")):
        pytest.skip("this PostgreSQL comes without pg_stat_statements")
    cluster = new_cluster(settings={"shared_preload_libraries": "pg_stat_statements"})
    run(
        cluster,
        'CREATE SCHEMA "it\'s ""odd"""',
        'CREATE EXTENSION pg_stat_statements SCHEMA "it\'s ""odd"""',
        'CREATE FUNCTION "it\'s ""odd""".json_build_array(name, text, bigint) RETURNS json'
        " LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$",
        "CREATE ROLE somebody PASSWORD 'md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
        "CREATE ROLE little LOGIN",
        "CREATE ROLE watcher LOGIN IN ROLE pg_monitor",
        'GRANT USAGE ON SCHEMA "it\'s ""odd""" TO watcher, little',
    )
    (here,) = read_snapshot(Target(cluster.dsn()), ["postgres"]).inspected
    assert any("PASSWORD" in row.query for row in here.statements)
    (here,) = read_snapshot(Target(cluster.dsn(user="watcher", dbname="postgres")), ["postgres"]).inspected
    assert any("PASSWORD" in row.query for row in here.statements)
    little = read_snapshot(Target(cluster.dsn(user="little", dbname="postgres")), ["postgres"])
    assert "hides other roles' statements" in unread(little, "postgres")["statements"]


def test_databases_of_other_encodings(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    run(
        cluster,
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
        "CREATE DATABASE cyrillic TEMPLATE template0 ENCODING 'WIN1251' LC_COLLATE 'C' LC_CTYPE 'C'",
        "CREATE DATABASE anything TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'",
        'CREATE ROLE "médecin" LOGIN',
    )
    run(cluster, 'CREATE TABLE "relevé" ("née" text)', "CREATE VIEW v AS SELECT 'é'::text", dbname="latin")
    run(cluster, 'CREATE TABLE "пациент" (id int)', dbname="cyrillic")
    with psycopg.connect(cluster.dsn(dbname="anything"), autocommit=True) as connection:
        connection.execute("SET client_encoding = 'SQL_ASCII'")
        connection.execute(b'CREATE TABLE "relev\xe9" (id int, "\xc3\xa9t\xc3\xa9" text)')
        connection.execute(b"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT '\xe9\xff'::text$$")
        connection.execute(b"COMMENT ON FUNCTION f() IS 'caf\xe9'")
    snapshot = read_snapshot(Target(cluster.dsn()))
    by_name = {one.name: one for one in snapshot.inspected}
    assert [row.name for row in by_name["latin"].relations if row.kind == "r"] == ["relevé"]
    assert [row.name for row in by_name["cyrillic"].relations] == ["пациент"]
    assert [row.name for row in by_name["anything"].relations] == ["relevé"]
    assert [row.name for row in by_name["anything"].columns] == ["id", "été"]
    assert {
        reason for name, reason in unread(snapshot, "anything").items() if name not in BROKEN_BUILD
    } == set()
    assert {reason for name, reason in unread(snapshot, "latin").items() if name not in BROKEN_BUILD} == set()
    assert judged(snapshot).outcomes
    # and from a database that takes any bytes
    home = read_snapshot(Target(cluster.dsn(dbname="anything")))
    assert "médecin" in {row.name for row in home.roles}
    assert not unread(home).keys() & {"roles", "password_guesses"}


def test_a_standby_is_inspected(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(settings={"hot_standby": "on", "wal_level": "replica"})
    if cluster.postgres.major >= 12:
        (cluster.data_directory / "standby.signal").touch()
    else:
        (cluster.data_directory / "recovery.conf").write_text("standby_mode = on\n")
    cluster.restart()
    snapshot = read_snapshot(Target(cluster.dsn()))
    assert snapshot.server.in_recovery
    assert {name for _, name, _ in snapshot.all_missing()} <= BROKEN_BUILD | {"ident_rules"}
    assert judged(snapshot).outcomes


def test_the_server_itself_is_always_known(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    run(
        cluster,
        "CREATE ROLE little LOGIN",
        "REVOKE EXECUTE ON FUNCTION pg_postmaster_start_time() FROM PUBLIC",
    )
    with pytest.raises(ConnectError, match="does not say what it is: permission denied"):
        read_snapshot(Target(cluster.dsn(user="little", dbname="postgres")))


def test_an_empty_cluster_and_one_table_of_every_kind(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    (empty,) = read_snapshot(Target(cluster.dsn()), ["postgres"]).inspected
    assert empty.relations == ()
    run(
        cluster,
        "CREATE TABLE parted (a int) PARTITION BY RANGE (a)",
        "CREATE TABLE part PARTITION OF parted FOR VALUES FROM (1) TO (2)",
        "CREATE TABLE none ()",
        "CREATE UNLOGGED TABLE u (a int)",
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a",
        "CREATE SEQUENCE s",
    )
    (full,) = read_snapshot(Target(cluster.dsn()), ["postgres"]).inspected
    assert {(row.name, row.kind) for row in full.relations} == {
        ("parted", "p"),
        ("part", "r"),
        ("none", "r"),
        ("u", "r"),
        ("m", "m"),
        ("s", "S"),
    }


def test_more_roles_and_databases_than_one(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for number in range(40):
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(f"role {number}")))
    assert len([role for role in read_snapshot(Target(cluster.dsn())).roles if not role.predefined]) == 41
