"""Each entry tells who wrote, from where, when, in which transaction, and for whom."""

from __future__ import annotations

import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from pgguard.demo.cluster import Cluster
from tests.audit.store import with_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.binaries import Postgres

KEY = b"a key of the service, thirty-two"
SCHEMA = """
CREATE ROLE app LOGIN; CREATE ROLE "Odd ""Name" LOGIN; CREATE ROLE portal LOGIN; CREATE ROLE clerk;
    CREATE ROLE helper LOGIN;
CREATE ROLE lab_owner;
GRANT clerk TO app, portal;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
SET ROLE lab_owner;
CREATE TABLE lab.t (id int PRIMARY KEY, a text, f float8, d date);
INSERT INTO lab.t (id) VALUES (1), (2);
GRANT USAGE ON SCHEMA lab TO PUBLIC; GRANT ALL ON lab.t TO PUBLIC;
CREATE FUNCTION lab.as_owner() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$UPDATE lab.t SET a =
    'definer' WHERE id = 1$$;
RESET ROLE;
SELECT pgguard_audit.audit('lab.t', NULL, '{"f": "plain", "d": "plain"}');
"""


@pytest.fixture(scope="module")
def running(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres, listen=["127.0.0.1", "::1"]) as cluster:
        dsn = with_store(cluster, "lab")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
            connection.execute("SELECT pgguard_audit.set_service_key('portal', %s)", (KEY,))
        yield cluster


def _entries(cluster: Cluster, since: datetime) -> list[Any]:
    with psycopg.connect(cluster.dsn(dbname="lab"), row_factory=namedtuple_row) as connection:
        return connection.execute(
            "SELECT * FROM pgguard_audit.entry WHERE at > %s AND shape IS NOT NULL ORDER BY at, id", (since,)
        ).fetchall()


def _now(cluster: Cluster) -> datetime:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        ((now,),) = connection.execute("SELECT clock_timestamp()").fetchall()
        assert isinstance(now, datetime)
        return now


@pytest.mark.parametrize("host", ["", "127.0.0.1", "::1"])
def test_where_a_session_comes_from(running: Cluster, host: str) -> None:
    since = _now(running)
    with psycopg.connect(
        running.dsn(user="app", dbname="lab", host=host, application_name="LIS 2"), autocommit=True
    ) as connection:
        # often enough for every plan that is kept
        for turn in range(7):
            with connection.transaction():
                connection.execute("UPDATE lab.t SET a = %s WHERE id = 1", (str(turn),))
                ((xid, began),) = connection.execute(
                    "SELECT pg_current_xact_id()::text::bigint, now()"
                ).fetchall()
            ((pid, start, client),) = connection.execute(
                "SELECT pid, backend_start, client_addr FROM pg_stat_activity WHERE pid = pg_backend_pid()"
            ).fetchall()
            one = _entries(running, since)[-1]
            assert (one.xid, one.began, one.pid, one.backend_start, one.client) == (
                xid,
                began,
                pid,
                start,
                client,
            )
            assert (one.login, one.role, one.authenticated, one.application) == (
                "app",
                "none",
                "app",
                "LIS 2",
            )
            assert began < one.at < _now(running)
    assert (client is None) == (host == "")
    assert len(_entries(running, since)) == turn + 1


def test_two_sessions_of_one_login_are_told_apart(running: Cluster) -> None:
    since = _now(running)
    pids = []
    for _ in range(2):
        with psycopg.connect(running.dsn(user="app", dbname="lab"), autocommit=True) as connection:
            connection.execute("UPDATE lab.t SET a = 'x' WHERE id = 1")
            pids.append(connection.info.backend_pid)
    found = _entries(running, since)
    assert [one.pid for one in found] == pids
    assert len({one.backend_start for one in found}) == len(pids)


def test_roles_that_a_session_takes(running: Cluster) -> None:
    since = _now(running)
    with psycopg.connect(running.dsn(user="app", dbname="lab"), autocommit=True) as connection:
        update = "UPDATE lab.t SET a = %s WHERE id = 2"
        connection.execute("SET ROLE clerk")
        connection.execute(update, ("1",))
        connection.execute("RESET ROLE")
        with connection.transaction():
            connection.execute("SET LOCAL ROLE clerk")
            connection.execute(update, ("2",))
        connection.execute(update, ("3",))
        # the rights of the function's owner are not a role that the session took
        connection.execute("SELECT lab.as_owner()")
        # who sets the names of the audit's own settings sets nothing of it
        connection.execute(
            "SELECT set_config('pgguard.role', 'postgres', false), set_config('application_name', 'x', false)"
        )
        connection.execute(update, ("4",))
    with psycopg.connect(running.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute("SET SESSION AUTHORIZATION app")
        connection.execute(update, ("5",))
        connection.execute("SET ROLE clerk")
        connection.execute(update, ("6",))
        connection.execute("RESET SESSION AUTHORIZATION")
        connection.execute(update, ("7",))
    with psycopg.connect(running.dsn(user='Odd "Name', dbname="lab"), autocommit=True) as connection:
        connection.execute(update, ("8",))
    assert [(one.login, one.role, one.authenticated) for one in _entries(running, since)] == [
        ("app", "clerk", "app"),
        ("app", "clerk", "app"),
        ("app", "none", "app"),
        ("app", "none", "app"),
        ("app", "none", "app"),
        ("app", "none", "postgres"),
        ("app", "clerk", "postgres"),
        ("postgres", "none", "postgres"),
        ('Odd "Name', "none", 'Odd "Name'),
    ]


def test_a_transaction_is_one_whatever_its_savepoints(running: Cluster) -> None:
    since = _now(running)
    with psycopg.connect(running.dsn(user="app", dbname="lab")) as connection:
        ((xid,),) = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchall()
        for turn in range(3):
            with connection.transaction():
                connection.execute("UPDATE lab.t SET a = %s", (f"s{turn}",))
                time.sleep(0.01)
    found = _entries(running, since)
    assert {one.xid for one in found} == {xid}
    assert len({one.began for one in found}) == 1
    # one moment a statement, later from statement to statement
    assert sorted(one.key for one in found) == ["1"] * 3 + ["2"] * 3
    assert [one.at for one in found[::2]] == sorted({one.at for one in found})


def _signed(who: str, when: datetime, login: str = "portal", key: bytes = KEY) -> bytes:
    return hmac.new(key, f"{login}\n{who}\n{int(when.timestamp())}".encode(), hashlib.sha256).digest()


def _claims(cluster: Cluster, since: datetime) -> list[str | None]:
    return [one.claimed for one in _entries(cluster, since)]


UPDATE = "UPDATE lab.t SET a = coalesce(a, '') || 'x', f = random(), d = d + 1 WHERE id = 1"


def test_the_end_user_is_what_the_program_claims_and_until_the_transaction_ends(running: Cluster) -> None:
    since = _now(running)
    with psycopg.connect(running.dsn(user="app", dbname="lab"), autocommit=True) as connection:
        for settings in (
            "SELECT 1",
            "SET extra_float_digits = -15",
            "SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'",
        ):
            connection.execute(settings.encode())
            with connection.transaction():
                connection.execute("SELECT pgguard.identify('Dr. Né')")
                connection.execute(UPDATE)
                # settings that change how a time looks do not make a forgery of it
                connection.execute("SET LOCAL extra_float_digits = 0; SET LOCAL TimeZone = 'Asia/Kathmandu'")
                connection.execute(UPDATE)
            connection.execute(UPDATE)
        with connection.transaction():
            connection.execute("SELECT pgguard.identify('first')")
            with connection.transaction(force_rollback=True):
                connection.execute("SELECT pgguard.identify('second')")
            connection.execute(UPDATE)
            connection.execute("SELECT pgguard.identify('third')")
            connection.execute(UPDATE)
            connection.execute("SELECT pgguard.identify(NULL)")
            connection.execute(UPDATE)
    assert _claims(running, since) == [
        *["unsigned: Dr. Né", "unsigned: Dr. Né", None] * 3,
        "unsigned: first",
        "unsigned: third",
        None,
    ]


def test_a_login_with_a_key_signs(running: Cluster) -> None:
    since = _now(running)
    with psycopg.connect(running.dsn(user="portal", dbname="lab"), autocommit=True) as connection:
        when = datetime.now(UTC)
        for who in ("u1234", "Zoë\nMüller"):
            with connection.transaction():
                connection.execute("SELECT pgguard.identify(%s, %s, %s)", (who, when, _signed(who, when)))
                connection.execute("SET LOCAL ROLE clerk")
                connection.execute(UPDATE)
        refused = [
            ("u1234", None, None),
            ("u1234", when, _signed("u1235", when)),
            ("u1235", when, _signed("u1234", when)),
            ("u1234", when + timedelta(seconds=1), _signed("u1234", when)),
            ("u1234", when, _signed("u1234", when, key=b"another key, as long as the other")),
            ("u1234", when, _signed("u1234", when, login="app")),
            ("u1234", when, b""),
            ("u1234", when - timedelta(minutes=6), _signed("u1234", when - timedelta(minutes=6))),
            ("u1234", when + timedelta(minutes=6), _signed("u1234", when + timedelta(minutes=6))),
        ]
        for given in refused:
            with pytest.raises(psycopg.Error) as stopped:
                connection.execute("SELECT pgguard.identify(%s, %s, %s)", given)
            assert stopped.value.sqlstate == "PGA02"
            assert "u1234" not in str(stopped.value)
    # a signature of one login is nothing in the hands of another
    with (
        psycopg.connect(running.dsn(user="helper", dbname="lab"), autocommit=True) as connection,
        connection.transaction(),
    ):
        connection.execute("SELECT pgguard.identify(%s, %s, %s)", ("u1234", when, _signed("u1234", when)))
        connection.execute(UPDATE)
    assert _claims(running, since) == ["u1234", "Zoë\nMüller", "unsigned: u1234"]


def test_what_is_put_into_the_setting_is_a_forgery(running: Cluster) -> None:
    since = _now(running)
    claim = "SELECT current_setting('pgguard.claim')"
    when = datetime.now(UTC)
    with psycopg.connect(running.dsn(user="portal", dbname="lab"), autocommit=True) as connection:
        with connection.transaction():
            connection.execute("SELECT pgguard.identify(%s, %s, %s)", ("boss", when, _signed("boss", when)))
            ((sealed,),) = connection.execute(claim).fetchall()
            connection.execute(UPDATE)
        tries = [sealed, "boss", sealed[:32] + "other", "x" * 40, "unsigned: boss"]
        # another transaction of the same session
        for value in tries:
            connection.execute("SELECT set_config('pgguard.claim', %s, false)", (value,))
            connection.execute(UPDATE)
        with connection.transaction():
            connection.execute("SELECT pgguard.identify(%s, %s, %s)", ("boss", when, _signed("boss", when)))
            ((sealed,),) = connection.execute(claim).fetchall()
            connection.execute("SELECT set_config('pgguard.claim', %s, true)", (sealed + " and friends",))
            connection.execute(UPDATE)
            # another session of it, and one of another login, while the transaction goes on
            for login in ("portal", "helper"):
                with psycopg.connect(running.dsn(user=login, dbname="lab"), autocommit=True) as other:
                    other.execute("SELECT set_config('pgguard.claim', %s, false)", (sealed,))
                    other.execute("UPDATE lab.t SET a = 'x' WHERE id = 2")
    found = _claims(running, since)
    assert found.count("boss") == 1
    assert [one for one in found if one != "boss"] == ["forged: somebody set pgguard.claim himself"] * (
        len(tries) + 3
    )


def test_who_was_authenticated(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(
        listen=["127.0.0.1"], hba="local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    )
    dsn = with_store(cluster, "lab")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        connection.execute("ALTER ROLE app PASSWORD 'a password of app'; ALTER ROLE app SUPERUSER")
    since = _now(cluster)
    reached = cluster.dsn(user="app", dbname="lab", host="127.0.0.1", password="a password of app")
    with psycopg.connect(reached, autocommit=True) as connection:
        connection.execute("UPDATE lab.t SET a = 'x' WHERE id = 1")
        connection.execute("SET SESSION AUTHORIZATION helper")
        connection.execute("UPDATE lab.t SET a = 'x' WHERE id = 1")
    told = "scram-sha-256:app" if cluster.postgres.major >= 16 else "app"
    assert [(one.login, one.authenticated) for one in _entries(cluster, since)] == [
        ("app", told),
        ("helper", told),
    ]
