"""A sealed store with entries of all kinds, and what somebody who is a superuser does to it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from pgguard.model.evidence import Anchor
from pgguard.server.audit_seal import seal_once
from pgguard.server.audit_verify import verify
from pgguard.server.connect import Target
from tests.audit.store import with_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.demo.cluster import Cluster
    from pgguard.model.evidence import Verified

ROWS = 40


def written_store(cluster: Cluster, database: str) -> str:
    """A database with a store and entries under four seals; its connection string, as the superuser."""
    dsn = with_store(cluster, database)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE patient (id bigint PRIMARY KEY, nir text, name text, weight numeric, note text);"
            "CREATE TABLE exam (id bigint PRIMARY KEY, patient_id bigint, result text);"
            """SELECT pgguard_audit.audit('patient', 'id', '{"weight": "plain", "note": "plain"}');"""
            """SELECT pgguard_audit.audit('exam', 'patient_id', '{"result": "plain"}')"""
        )
        seal_once(Target(dsn))
        write(connection, 0)
        seal_once(Target(dsn))
        write(connection, ROWS)
        seal_once(Target(dsn))
    return dsn


def write(connection: psycopg.Connection, after: int) -> None:
    """Some transactions of all verbs."""
    connection.execute(
        "INSERT INTO patient SELECT g, 'nir' || g, 'name' || g, g, 'note ' || g "
        "FROM generate_series(%s::int, %s::int) AS g",
        [after + 1, after + ROWS],
    )
    connection.execute(
        "UPDATE patient SET weight = weight + 1, note = NULL WHERE id > %s AND id %% 3 = 0", [after]
    )
    connection.execute("INSERT INTO exam SELECT id, id, 'r' || id FROM patient WHERE id > %s", [after])
    connection.execute("DELETE FROM exam WHERE id > %s AND id %% 5 = 0", [after])
    connection.execute("UPDATE exam SET id = -id WHERE id > %s AND id %% 7 = 0", [after])


@contextlib.contextmanager
def superuser(dsn: str) -> Iterator[psycopg.Connection]:
    """A session that can do anything: no trigger of the store fires for it, no event trigger tells of it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        tables = [
            one
            for (one,) in connection.execute(
                "SELECT c.oid::regclass::text FROM pg_class AS c "
                "WHERE c.relnamespace = 'pgguard_audit'::regnamespace AND c.relkind IN ('r', 'p')"
            )
        ]
        connection.execute("ALTER EVENT TRIGGER pgguard_audit_ddl DISABLE")
        connection.execute("ALTER EVENT TRIGGER pgguard_audit_drop DISABLE")
        for one in tables:
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER ALL").format(sql.SQL(one)))
        yield connection


def copy_of(cluster: Cluster, database: str, dsn: str) -> str:
    """A copy of a database of the cluster, to do something to; its connection string."""
    of = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(database)))
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(database), sql.Identifier(str(of))
            )
        )
    return cluster.dsn(dbname=database)


def verified(dsn: str, anchors: Sequence[Anchor] = ()) -> Verified:
    """What verifying a store finds."""
    return verify(Target(dsn), anchors)


def value(connection: psycopg.Connection, query: str, *parameters: Any) -> Any:
    """The one value of a query."""
    row = connection.execute(query.encode(), list(parameters) or None).fetchone()
    assert row is not None
    return row[0]


def last_anchor(dsn: str) -> Anchor:
    """What would have been kept outside of the last seal."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT pgguard_audit.store_id()::text, pgguard_audit.place(), s.number, "
            "encode(s.hash, 'hex'), encode(s.head, 'hex'), s.sealed_at::text "
            "FROM pgguard_audit.seal AS s ORDER BY s.number DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    return Anchor._make((*row, ""))


def guarded_again(dsn: str) -> None:
    """Puts on what `superuser` put off."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table, trigger in connection.execute(
            "SELECT t.tgrelid::regclass::text, t.tgname::text "
            "FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid "
            "WHERE c.relnamespace = 'pgguard_audit'::regnamespace AND NOT t.tgisinternal"
        ).fetchall():
            connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}".encode())
        connection.execute("ALTER EVENT TRIGGER pgguard_audit_ddl ENABLE ALWAYS")
        connection.execute("ALTER EVENT TRIGGER pgguard_audit_drop ENABLE ALWAYS")
