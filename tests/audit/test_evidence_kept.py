"""Purge, erasure and a move to another cluster leave the evidence as it was."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from pgguard.errors import UsageError
from pgguard.server.audit_keep import erase, make_partitions, purge, status
from pgguard.server.audit_seal import seal_once
from pgguard.server.connect import Target
from tests.audit.evidence import (
    ROWS,
    copy_of,
    guarded_again,
    last_anchor,
    superuser,
    value,
    verified,
    write,
    written_store,
)
from tests.audit.store import install

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster

OLD_PART = """
    CREATE TABLE pgguard_audit.entry_2020_01 PARTITION OF pgguard_audit.entry
        FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-02-01 00:00:00+00');
    ALTER TABLE pgguard_audit.entry_2020_01 OWNER TO pgguard_audit_owner;
    SELECT pgguard_audit.guard('pgguard_audit.entry_2020_01')
"""
THEN = datetime(2020, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def sealed(running: Cluster) -> str:
    return written_store(running, "kept")


@pytest.fixture
def store(running: Cluster, sealed: str) -> str:
    return copy_of(running, "keeping", sealed)


@pytest.fixture(scope="module")
def aged(running: Cluster) -> str:
    """A store in which one seal lies in a partition of 2020 whole, and another one half."""
    dsn = written_store(running, "aged")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(OLD_PART)
    seal_once(Target(dsn))
    for number, share in ((2, "true"), (3, "id % 2 = 0")):
        with superuser(dsn) as connection:
            write(connection, number * ROWS)
            moved = connection.execute(
                "UPDATE pgguard_audit.entry SET at = '2020-01-05' "
                f"WHERE {share} AND pgguard_audit.seal_of(xid, id) IS NULL".encode()
            )
            assert moved.rowcount > ROWS
        seal_once(Target(dsn))
    guarded_again(dsn)
    assert verified(dsn).ok
    return dsn


@pytest.fixture
def old(running: Cluster, aged: str) -> str:
    return copy_of(running, "purging", aged)


def test_a_purge_drops_a_partition_and_no_evidence(old: str) -> None:
    before = verified(old)
    with psycopg.connect(old, autocommit=True) as connection:
        held = value(connection, "SELECT count(*) FROM pgguard_audit.entry_2020_01")
    dropped = list(purge(Target(old), THEN))
    assert dropped == [("pgguard_audit.entry_2020_01", held)]
    found = verified(old)
    assert found.ok
    assert (found.purged, found.entries, found.head) == (held, before.entries, before.head)
    # the entry that tells of it is sealed like any other
    assert seal_once(Target(old))
    assert verified(old).ok
    assert list(purge(Target(old), THEN)) == []
    with psycopg.connect(old, autocommit=True) as connection:
        told = connection.execute(
            "SELECT object, login, new[3] FROM pgguard_audit.entry WHERE verb = 'AUDIT PURGED'"
        ).fetchall()
        assert told == [("pgguard_audit.entry_2020_01", "postgres", str(held))]
        # salts of a seal that is gone whole go too, those of the other stay
        assert value(
            connection,
            "SELECT array_agg(s.number ORDER BY s.number) FROM pgguard_audit.seal AS s "
            "WHERE NOT EXISTS (SELECT FROM pgguard_audit.seal_leaf AS l WHERE l.seal = s.number)",
        ) == value(connection, "SELECT array_agg(seal) FROM pgguard_audit.purged_seal WHERE leaves IS NULL")


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (
            "DELETE FROM pgguard_audit.entry WHERE id = (SELECT max(e.id) FROM pgguard_audit.entry AS e "
            "JOIN pgguard_audit.purged_seal AS p ON p.seal = pgguard_audit.seal_of(e.xid, e.id))",
            "is missing",
        ),
        (
            "UPDATE pgguard_audit.purged_seal SET leaves = substr(leaves, 41) WHERE leaves IS NOT NULL",
            "is missing",
        ),
        ("UPDATE pgguard_audit.purged_seal SET entries = entries - 1 WHERE leaves IS NULL", "salts"),
        ("UPDATE pgguard_audit.purged SET entries = entries + 1", "what purge 1 dropped"),
        ("UPDATE pgguard_audit.purged SET digest = sha256('')", "what purge 1 dropped"),
        ("DELETE FROM pgguard_audit.purged_seal WHERE leaves IS NULL", "salts"),
        ("DELETE FROM pgguard_audit.entry WHERE verb = 'AUDIT PURGED'", "is missing"),
    ],
)
def test_what_is_done_under_cover_of_a_purge_is_found(old: str, done: str, said: str) -> None:
    assert list(purge(Target(old), THEN))
    seal_once(Target(old))
    with superuser(old) as connection:
        assert connection.execute(done.encode()).rowcount == 1
    found = verified(old)
    assert not found.ok
    assert said in " ".join(bad.what for bad in found.bad), found.bad


def test_a_purge_refuses_what_is_not_sealed_or_not_as_it_was(old: str, store: str) -> None:
    target = Target(old)
    with pytest.raises(UsageError, match="kept for at least"):
        list(purge(target, datetime.now(UTC) - timedelta(days=30)))
    with superuser(old) as connection:
        write(connection, 9000)
        connection.execute(
            "UPDATE pgguard_audit.entry SET at = '2020-01-06' "
            "WHERE id = (SELECT max(id) FROM pgguard_audit.entry)"
        )
    with pytest.raises(UsageError, match="entries that are not sealed"):
        list(purge(target, THEN))
    seal_once(target)
    guarded_again(old)
    with superuser(old) as connection:
        connection.execute(
            "DELETE FROM pgguard_audit.entry_2020_01 "
            "WHERE id = (SELECT min(id) FROM pgguard_audit.entry_2020_01)"
        )
    with pytest.raises(UsageError, match="not those that were sealed"):
        list(purge(target, THEN))
    with psycopg.connect(old) as connection:
        assert value(connection, "SELECT count(*) FROM pgguard_audit.entry_2020_01") > 0
        assert value(connection, "SELECT count(*) FROM pgguard_audit.purged") == 0


def test_a_purge_does_not_hold_writers_up(old: str) -> None:
    with psycopg.connect(old, autocommit=True) as writer, psycopg.connect(old) as reader:
        # whoever looks at the store, or wrote to it, is waited for; and not longer than a second at a time
        reader.execute("SELECT count(*) FROM pgguard_audit.entry")
        with psycopg.connect(old, autocommit=True) as purging:
            purging.execute("SET statement_timeout = '3s'")
            with pytest.raises(psycopg.errors.QueryCanceled):
                purging.execute("SELECT * FROM pgguard_audit.purge('2020-02-01 00:00:00+00')")
        writer.execute("SET statement_timeout = '3s'")
        write(writer, 9100)
    assert list(purge(Target(old), THEN))


def test_only_who_may_erases_and_purges(old: str) -> None:
    with psycopg.connect(old, autocommit=True) as connection:
        for role in ("pgguard_audit_keeper", "pgguard_audit_reader", "pgguard_audit_eraser"):
            name = sql.Identifier(role.replace("pgguard_audit", "some"))
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(name))
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}").format(name, sql.Identifier(role)))
    for login in ("some_keeper", "some_reader"):
        target = Target(psycopg.conninfo.make_conninfo(old, user=login))
        with pytest.raises(UsageError, match=f"GRANT pgguard_audit_eraser TO {login}"):
            list(purge(target, THEN))
        with pytest.raises(UsageError, match=f"GRANT pgguard_audit_eraser TO {login}"):
            erase(target, ["3"], None, "because")
    eraser = Target(psycopg.conninfo.make_conninfo(old, user="some_eraser"))
    assert erase(eraser, ["3"], None, "because").erased
    assert list(purge(eraser, THEN))
    assert verified(old).ok
    with psycopg.connect(
        psycopg.conninfo.make_conninfo(old, user="some_eraser"), autocommit=True
    ) as connection:
        for query in (
            "SELECT * FROM pgguard_audit.entry",
            "UPDATE pgguard_audit.entry SET key = NULL",
            "SELECT pgguard_audit.own_word('erase')",
            "DELETE FROM pgguard_audit.seal_leaf",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(query.encode())
    with psycopg.connect(old, autocommit=True) as connection:
        connection.execute("SET ROLE pgguard_audit_owner")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE pgguard_audit.entry SET key = NULL")
        connection.execute("SET ROLE pgguard_audit_erasure")
        # the privilege alone is not enough: the guard wants the word, which only the function sets
        with pytest.raises(psycopg.Error) as refused:
            connection.execute("UPDATE pgguard_audit.entry SET key = NULL")
        assert refused.value.sqlstate == "PGA01"


def test_an_erasure_empties_what_is_held_of_a_person_and_nothing_else(store: str) -> None:
    target = Target(store)
    before = verified(store)
    with psycopg.connect(store, autocommit=True) as connection:
        held = value(connection, "SELECT count(*) FROM pgguard_audit.entry WHERE subject = '33'")
        others = value(
            connection, "SELECT count(*) FROM pgguard_audit.entry WHERE key IS NOT NULL AND subject <> '33'"
        )
        # not sealed yet
        connection.execute("UPDATE patient SET note = 'again' WHERE id = 33")
        done = erase(target, ["33"], None, "request 812")
        assert (done.erased, done.unsealed) == (held, 1)
        found = verified(store)
        assert found.ok
        assert (found.erased, found.head) == (held, before.head)
        seal_once(target)
        assert erase(target, ["33"], None, "request 812").unsealed == 0
        seal_once(target)
        found = verified(store)
        assert found.ok
        assert found.erased == held + 1
        left = connection.execute(
            "SELECT count(*) FILTER (WHERE erased IS NULL AND subject <> '33'), "
            "count(*) FILTER (WHERE '33' IN (key, subject, subject_before) OR concat(new) LIKE '%note 33%') "
            "FROM pgguard_audit.entry WHERE shape IS NOT NULL"
        ).fetchone()
        assert left == (others, 0)
        told = connection.execute(
            "SELECT reason, entries, by_login FROM pgguard_audit.erasure ORDER BY number"
        )
        assert told.fetchall() == [("request 812", held, "postgres"), ("request 812", 1, "postgres")]
        # without the salt the digest cannot be tried against guesses
        zeros = value(
            connection,
            "SELECT count(*) FROM pgguard_audit.seal_leaf AS l, "
            "generate_series(0, octet_length(l.leaves) / 32 - 1) AS n "
            "WHERE substr(l.leaves, n * 32 + 9, 16) = decode(repeat('00', 16), 'hex')",
        )
        assert zeros == held + 1


def test_an_erasure_of_one_table_in_a_session_of_another_encoding(store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("INSERT INTO patient VALUES (5000, 'n', 'n', 1, 'grün, β-Blocker, 東京')")
        connection.execute("INSERT INTO exam VALUES (5000, 5000, 'négatif')")
        seal_once(Target(store))
        connection.execute(
            "SET client_encoding = 'LATIN1'; SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Tokyo'"
        )
        assert connection.execute(
            "SELECT * FROM pgguard_audit.erase('5000', 'public.exam', 'why')"
        ).fetchone() == (1, 0)
        assert value(connection, "SHOW client_encoding") == "LATIN1"
    assert verified(store).ok
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("SET client_encoding = 'LATIN1'")
        assert connection.execute("SELECT * FROM pgguard_audit.erase('5000', NULL, 'why')").fetchone() == (
            1,
            0,
        )
    found = verified(store)
    assert found.ok
    assert found.erased == 2


def test_an_erasure_wants_to_know_why(store: str) -> None:
    with pytest.raises(UsageError, match="say whose entries, and why"):
        erase(Target(store), ["3"], None, "")


@pytest.mark.parametrize("ahead", ["there", "here", "one image"])
def test_a_store_goes_on_in_another_cluster(
    running: Cluster, new_cluster: Callable[..., Cluster], ahead: str
) -> None:
    """Numbers of transactions begin anew there: smaller ones, or larger ones than the store has seen."""
    if not (running.postgres.bin / "pg_dump").exists():
        pytest.skip("this PostgreSQL has no pg_dump")
    dsn = written_store(running, f"goes_{ahead.split()[0]}")
    settings = {"timezone": "Asia/Tokyo", "datestyle": "SQL, DMY", "bytea_output": "escape"}
    # of another initdb, or made from the same image
    other = new_cluster(settings=settings, **({} if ahead == "one image" else {"checksums": True}))
    _ahead(*((other, running) if ahead == "there" else (running, other)))
    with psycopg.connect(dsn, autocommit=True) as connection:
        write(connection, 2 * ROWS)
        seal_once(Target(dsn))
        # not sealed when the store moves
        write(connection, 3 * ROWS)
    here = verified(dsn)
    assert here.ok
    assert here.unsealed > ROWS
    there = _moved(running, dsn, other)
    found = verified(there, [last_anchor(dsn)])
    assert found.ok, found.bad
    assert (found.head, found.entries, found.unsealed) == (here.head, here.entries, here.unsealed)
    assert status(Target(there)).moved
    with psycopg.connect(there, autocommit=True) as connection:
        write(connection, 4 * ROWS)
        total = value(connection, "SELECT count(*) FROM pgguard_audit.entry")
    found = verified(there)
    assert found.ok, found.bad
    assert found.entries + found.unsealed == total
    seal_once(Target(there))
    with psycopg.connect(there, autocommit=True) as connection:
        write(connection, 5 * ROWS)
        seal_once(Target(there))
        seal_once(Target(there))
        total = value(connection, "SELECT count(*) FROM pgguard_audit.entry")
        assert value(connection, "SELECT max(generation) FROM pgguard_audit.seal") == 2
        assert value(connection, "SELECT count(*) FROM pgguard_audit.seal WHERE rest") == (
            0 if ahead == "there" else 1
        )
    found = verified(there, [last_anchor(dsn)])
    assert found.ok, found.bad
    assert found.entries + found.unsealed == total
    assert not status(Target(there)).moved
    # and on to a third one, with what it has of both
    third = new_cluster(checksums=False)
    again = _moved(other, there, third)
    with psycopg.connect(again, autocommit=True) as connection:
        write(connection, 6 * ROWS)
    seal_once(Target(again))
    assert erase(Target(again), ["3"], None, "why").erased
    found = verified(again, [last_anchor(dsn)])
    assert found.ok, found.bad
    with superuser(again) as connection:
        one = value(connection, "SELECT min(id) FROM pgguard_audit.entry WHERE subject = '7'")
        connection.execute("UPDATE pgguard_audit.entry SET login = 'somebody' WHERE id = %s", [one])
    assert [bad.entry for bad in verified(again).bad] == [one]


def _ahead(cluster: Cluster, of: Cluster) -> None:
    """Uses up numbers of transactions, until a cluster has come further than another one will."""
    with psycopg.connect(of.dsn()) as connection:
        far = value(connection, "SELECT txid_current()") + 3000
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        while value(connection, "SELECT txid_current()") < far:
            pass


def _moved(cluster: Cluster, dsn: str, other: Cluster) -> str:
    tools = cluster.postgres.bin
    dump = subprocess.run(
        [tools / "pg_dump", "-d", dsn], capture_output=True, check=True, env=cluster.postgres.environment()
    ).stdout
    with psycopg.connect(other.dsn(), autocommit=True) as connection:
        for role in ("audit_owner", "audit_reader", "audit_keeper", "audit_eraser", "audit_erasure"):
            connection.execute(f"CREATE ROLE pgguard_{role}".encode())
        connection.execute("CREATE DATABASE moved")
    there = other.dsn(dbname="moved")
    subprocess.run(
        [tools / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", there],
        input=dump,
        capture_output=True,
        check=True,
        env=cluster.postgres.environment(),
    )
    return there


def test_the_status_tells_what_wants_attention(store: str) -> None:
    from pgguard.report.audit_evidence import wrong

    target = Target(store)
    seal_once(target)
    assert wrong(status(target), 300) == []
    with psycopg.connect(store) as holding, psycopg.connect(store, autocommit=True) as connection:
        holding.execute("SELECT txid_current()")
        write(connection, 700)
        assert not seal_once(target)
        found = status(target)
        assert found.unsealed > ROWS
        assert (found.holder_pid, found.holder_kind) == (holding.info.backend_pid, "session")
        assert found.lag > 0
        assert wrong(found, 0)[0].startswith("entries have waited")
    with superuser(store) as connection:
        # as if a partition had been missing
        connection.execute(
            "INSERT INTO pgguard_audit.entry SELECT "
            """(jsonb_populate_record(e, '{"at": "2001-01-01", "id": 990000}')).* """
            "FROM pgguard_audit.entry AS e WHERE id = 1"
        )
    found = status(target)
    assert found.in_rest == 1
    assert "entry_rest" in " ".join(wrong(found, 300))
    assert make_partitions(target) == []


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_store_in_another_encoding(
    running: Cluster, new_cluster: Callable[..., Cluster], encoding: str
) -> None:
    dsn = running.dsn(dbname=f"in_{encoding.lower()}")
    with psycopg.connect(running.dsn(), autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE in_{encoding.lower()} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' "
            "TEMPLATE template0".encode()
        )
    with psycopg.connect(dsn, autocommit=True) as connection:
        install(connection)
        connection.execute("SET client_encoding = 'LATIN1'")
        connection.execute("CREATE TABLE patient (id bigint PRIMARY KEY, note text)")
        connection.execute("""SELECT pgguard_audit.audit('patient', 'id', '{"note": "plain"}')""")
        connection.execute(b"INSERT INTO patient VALUES (1, '\xe9t\xe9'), (2, '\xfc')")
    seal_once(Target(dsn))
    assert erase(Target(dsn), ["2"], None, "why").erased == 1
    found = verified(dsn)
    assert found.ok, found.bad
    if encoding == "LATIN1" and (running.postgres.bin / "pg_dump").exists():
        there = _moved(running, dsn, new_cluster(checksums=True))
        with psycopg.connect(there, autocommit=True) as connection:
            assert value(connection, "SHOW server_encoding") == "UTF8"
            connection.execute("INSERT INTO patient VALUES (3, 'β')")
        seal_once(Target(there))
        found = verified(there, [last_anchor(dsn)])
        assert found.ok, found.bad
        with superuser(there) as connection:
            connection.execute("UPDATE pgguard_audit.entry SET new = ARRAY['éte'] WHERE new = ARRAY['été']")
        assert not verified(there).ok
