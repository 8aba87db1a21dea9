"""A cluster whose every name is one that careless quoting would stumble over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster

NAMES = (
    'double " quote',
    "single ' quote",
    "back\\slash \\' \\\\",
    "percent %s %(x)s %",
    "line\nend\r\n\ttab",
    " blanks around ",
    "é" * 31 + "x",  # 63 bytes
    "表 ☤ Ж",
    "$dollar$ $pgguard$ :colon :'x' :\"y\"",
    "; DROP TABLE x; --",
    "/* comment */ {brace} [bracket] host=evil dbname=postgres",
    "CamelCase",
    "select",
    "\x01\x7f control",
    "<b>&amp;</b>",
)


def fill(cluster: Cluster) -> None:
    """Make roles, databases and, in two of them, objects of every kind with such names."""
    with psycopg.connect(cluster.dsn(client_encoding="UTF8"), autocommit=True) as connection:
        for name in NAMES:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        for name in (*NAMES[:6], *NAMES[8:11]):
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    for database in ("postgres", NAMES[0]):
        with psycopg.connect(
            cluster.dsn(dbname=database, client_encoding="UTF8"), autocommit=True
        ) as connection:
            for number, name in enumerate(NAMES):
                _objects(connection, name, NAMES[number - 1])


def _objects(connection: psycopg.Connection, name: str, other: str) -> None:
    for template in (
        "CREATE SCHEMA {0}",
        "CREATE TABLE {0}.{0} ({0} text DEFAULT {2}, n int, UNIQUE ({0}), CONSTRAINT {0} CHECK (n > 0))",
        "COMMENT ON TABLE {0}.{0} IS {2}",
        "CREATE INDEX ON {0}.{0} (lower({0}))",
        "ALTER TABLE {0}.{0} ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY {0} ON {0}.{0} TO {1} USING ({0} = {2})",
        "CREATE VIEW {0}.{3} AS SELECT {0} FROM {0}.{0} WHERE {0} <> {2}",
        "CREATE FUNCTION {0}.{0}({0} text) RETURNS text LANGUAGE sql SECURITY DEFINER AS {4}",
        "CREATE FUNCTION {0}.{3}() RETURNS trigger LANGUAGE plpgsql AS $body$BEGIN RETURN NEW; END$body$",
        "CREATE TRIGGER {0} BEFORE INSERT ON {0}.{0} FOR EACH ROW EXECUTE PROCEDURE {0}.{3}()",
        "CREATE RULE {0} AS ON DELETE TO {0}.{0} DO INSTEAD NOTHING",
        "GRANT SELECT ({0}), UPDATE ON {0}.{0} TO {1} WITH GRANT OPTION",
        "GRANT USAGE, CREATE ON SCHEMA {0} TO {1}, PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {0} IN SCHEMA {0} GRANT SELECT ON TABLES TO {1}",
        "CREATE PUBLICATION {0} FOR TABLE {0}.{0}",
        "CREATE FOREIGN DATA WRAPPER {0}",
        "CREATE SERVER {0} FOREIGN DATA WRAPPER {0} OPTIONS (note {2})",
        "CREATE USER MAPPING FOR {1} SERVER {0} OPTIONS (note {2})",
    ):
        connection.execute(
            sql.SQL(template).format(
                sql.Identifier(name),
                sql.Identifier(other),
                sql.Literal(name),
                sql.Identifier(f"{name[:20]} v"),
                sql.Literal(f"SELECT {sql.Literal(name).as_string()}"),
            )
        )
