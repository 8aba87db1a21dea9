"""The catalog watch, as the program runs it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ConnectError, UsageError
from pgguard.report.audit_watch import render
from pgguard.server.audit_watch import watch
from pgguard.server.connect import Target
from tests.audit.store import with_store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.difference import Difference

PASSWORD = "made-up-Rt5-for-the-run"


@pytest.fixture(scope="module")
def store(running: Cluster) -> str:
    dsn = with_store(running, "watched")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE keeper LOGIN IN ROLE pgguard_audit_keeper; CREATE ROLE app LOGIN")
        connection.execute("CREATE TABLE public.t (id int PRIMARY KEY)")
        connection.execute("SELECT pgguard_audit.audit('public.t')")
    return dsn


def _looked(cluster: Cluster, every: int = 0) -> list[Difference]:
    target = Target(cluster.dsn(user="keeper", dbname="watched"))
    return list(next(iter(watch(target, every))))


def _objects(found: list[Difference]) -> set[str]:
    return {one.object for one in found}


def test_what_changed_is_seen_once_and_recorded(running: Cluster, store: str) -> None:
    _looked(running)
    assert _looked(running) == []
    with psycopg.connect(store, autocommit=True) as connection:
        for statement in (
            f"ALTER ROLE app PASSWORD '{PASSWORD}'",
            "GRANT pg_monitor TO app",
            "ALTER ROLE app SET work_mem = '5MB'",
            f"ALTER ROLE app SET app.secret = '{PASSWORD}'",
            f"ALTER SYSTEM SET archive_command = 'scp %p {PASSWORD}@host'",
            "ALTER SYSTEM SET work_mem = '6MB'",
        ):
            connection.execute(statement)
        hba = running.data_directory / "pg_hba.conf"
        text = hba.read_text(encoding="utf-8")
        hba.write_text(
            f"{text}host all app 10.0.0.0/8 radius radiusservers=127.0.0.1 radiussecrets={PASSWORD}\n",
            encoding="utf-8",
        )
        found = _looked(running)
        hba.write_text(text, encoding="utf-8")
        rows = connection.execute(
            "SELECT object, old, new FROM pgguard_audit.entry WHERE verb = 'WATCH'"
        ).fetchall()
        kept = connection.execute("SELECT w.* FROM pgguard_audit.watched AS w").fetchall()
    (rule,) = [one for one in _objects(found) if one.startswith("pg_hba.conf host all app")]
    assert _objects(found) == {
        "role app",
        *[one for one in _objects(found) if one.startswith("membership of app in pg_monitor")],
        "setting of a role or database work_mem of app in all databases",
        "setting of a role or database app.secret of app in all databases",
        "configuration archive_command in postgresql.auto.conf",
        "configuration work_mem in postgresql.auto.conf",
        rule,
        "pg_hba.conf order of the rules",
    }
    assert "radiussecrets=(not shown)" in rule
    assert {row[0] for row in rows} >= _objects(found)
    assert PASSWORD not in f"{found}{rows}{kept}"
    assert "SCRAM-SHA-256$" not in f"{found}{rows}{kept}"
    # what is undone is seen, too
    assert rule in _objects(_looked(running))


def test_another_password_is_another(running: Cluster, store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        for kind in ("scram-sha-256", "md5"):
            connection.execute(f"SET password_encryption = '{kind}'")
            connection.execute("ALTER ROLE app PASSWORD 'one'")
            _looked(running)
            connection.execute("ALTER ROLE app PASSWORD 'two'")
            assert _objects(_looked(running)) == {"role app"}


def test_a_table_that_is_altered_is_no_difference(running: Cluster, store: str) -> None:
    _looked(running)
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("ALTER TABLE public.t ADD extra text")
    assert _looked(running) == []


def test_functions_that_are_replaced_cannot_hide_it(running: Cluster, store: str) -> None:
    """The database's own watch tells nothing any more, and the program does."""
    looks = watch(Target(running.dsn(user="keeper", dbname="watched")), 1)
    next(looks)
    with psycopg.connect(store, autocommit=True) as connection:
        row = connection.execute(
            "SELECT pg_get_functiondef('pgguard_audit.watch(integer)'::regprocedure)"
        ).fetchone()
        assert row is not None
        blind = (
            "CREATE OR REPLACE FUNCTION pgguard_audit.watch(every integer DEFAULT NULL)"
            " RETURNS TABLE (object text, before text, after text) LANGUAGE sql SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp AS 'SELECT '''', '''', '''' WHERE false'"
        )
        connection.execute(blind)
        told = next(looks)
        connection.execute(row[0])
    looks.close()
    assert "function pgguard_audit.watch(integer)" in _objects(list(told))
    assert "did not tell" in render(told)


def test_a_gap_and_an_ended_session_are_told(running: Cluster, store: str) -> None:
    said: list[str] = []
    looks = watch(Target(running.dsn(user="keeper", dbname="watched")), 1, said.append)
    next(looks)
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keeper'")
    next(looks)
    assert len(said) == 1
    assert "looking again" in said[0]
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("UPDATE pgguard_audit.watch_state SET looked_at = looked_at - interval '1 hour'")
    assert "nobody watched" in _objects(list(next(looks)))
    looks.close()


def test_who_may_not_look_is_told_what_to_do(running: Cluster, store: str) -> None:
    with pytest.raises(UsageError, match="GRANT pgguard_audit_keeper TO app"):
        next(iter(watch(Target(running.dsn(user="app", dbname="watched")))))
    with pytest.raises(UsageError, match="no audit store"):
        next(iter(watch(Target(running.dsn(dbname="postgres")))))
    with pytest.raises(ConnectError):
        next(iter(watch(Target(running.dsn(user="nobody_at_all", dbname="watched")), 1)))


def test_two_watches_do_not_record_twice(running: Cluster, store: str) -> None:
    _looked(running)
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("CREATE ROLE seen_once")
        found: list[Difference] = []
        threads = [threading.Thread(target=lambda: found.extend(_looked(running))) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        connection.execute("DROP ROLE seen_once")
    assert [one.object for one in found] == ["role seen_once"]


def test_the_command(
    running: Cluster, store: str, pgguard: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    _looked(running)
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("CREATE ROLE shown_once LOGIN")
        done = pgguard("audit", "watch", running.dsn(user="keeper", dbname="watched"))
        connection.execute("DROP ROLE shown_once")
    assert done.returncode == 0, done.stderr
    assert "role shown_once: login, connection limit -1, no password" in done.stdout
