"""Nothing that stored SQL, settings and options hide gets into a snapshot: secrets are planted everywhere."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.sql import quote

from pgguard.server.connect import Target
from pgguard.server.read import read_open, read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Snapshot

SNAPSHOT = Path(__file__).parents[2] / "sql" / "snapshot"
# none of these words is one of SQL or of a catalog
SHAPES = (
    "Zk7hunterQ2x",
    "violette tango lanterne",
    "select violette from tango",
    "call-me-VIOLETTE-57",
    "48151623429",
    "zertyuiop",
    "violette.tango",
    "%s violette %I tango",
    "user=violette;pwd=tango",
    "violette:tango@lanterne",
    "p\u00e2querette bleuasse",
)

# The bodies of functions, as they stand between the outermost quotes. § is the secret.
SQL_BODIES = r"""
SELECT '§'
SELECT E'§' || e'§'
SELECT E'it\'s § \\' || '§' || E'\\\'§'
SELECT U&'§' || U&'!0041 §' UESCAPE '!'
SELECT N'§' || B'1' || X'1F' || '§'
SELECT 'a\' || '§'
SELECT ''''||'§'||'''§'''||'''§'
SELECT $$§$$
SELECT $_1a$§$_1a$
SELECT $o$ $i$ § $i$ § $o$
SELECT $o$ $$ § $$ § $o$
SELECT $$ $o$ § $o$ § $$
SELECT $o$ $5 § $o$ || $$ costs $1 § $$
SELECT $o$ $o § $$o$
SELECT $1||$$§$$||$1||'§'
SELECT a$b$c$b$ || '§' || $b$ § $b$
SELECT 'a' -- it's § || '§'
SELECT 'a' /* it's § */ || 'b' /* /* § */ § */ || '§'
SELECT 'a' /** "§ **/ || '§' /*/ § */ || /* $$ */ '§' /* $$ */
SELECT 'x' AS "it's", '§' AS "-- ", '§' AS "/*", '§' AS "$$", '§'
SELECT '--' || '§' || '/*' || '§' || '$$' || '§'
SELECT date'2020-01-01' || type'§' || E'§\'' || '§'
SELECT '§'::regclass || '§'::name || name '§'
SELECT current_setting('app.wording', '§') || set_config('app.wording', '§', true)
SELECT format('§ %s', '§') || format('SELECT %I §', '§') || format(E'§\n%s', '§') || format($$ § %L $$, 1)
SELECT 'host=h user=u password=§ dbname=d' || 'password=''§'' host=h secret=§' || 'Server=h;Uid=u;Pwd=§;'
SELECT 'postgresql://u:§@h/d' || 'https://h/?token=§' || '{"password": "§"}' || 'Bearer §' || 'AKIA§'
SELECT 'cipher-algo=§' || 'aes-§' || '§/pad:none' || 's2k-mode=0, §'
SELECT x FROM t WHERE a = '§' AND b IN ('§', '§') ORDER BY '§' LIMIT '§'
"""
PLPGSQL_BODIES = r"""
BEGIN EXECUTE 'SELECT ''§'''; END
BEGIN EXECUTE 'SELECT ''a§' || '§'''; EXECUTE 'select § from §'; EXECUTE 'call §'; EXECUTE 'update §'; END
BEGIN EXECUTE 'SELECT $q$§$q$, $$§$$, E''§'', "§" -- §'; END
BEGIN EXECUTE $q$ SELECT '§', "§", $$ § $$ /* § */ $q$; EXECUTE $$ SELECT $q$§$q$ § $$; END
BEGIN EXECUTE E'SELECT \'§\' -- §\n FROM § WHERE a = E\'\\\'§\''; END
BEGIN EXECUTE 'ALTER ROLE x PASSWORD §'; EXECUTE 'SET app.key = §'; EXECUTE 'DO $$ § $$'; END
BEGIN EXECUTE ' WHERE a = ''§' || ''''; EXECUTE ' AND § = ' || '§'; RAISE NOTICE '§ %', '§'; END
BEGIN CREATE ROLE x PASSWORD '§'; SET app.key TO '§'; SET app.key = '§'; COMMENT ON TABLE t IS '§'; END
DECLARE k CONSTANT text := '§'; c CURSOR FOR SELECT '§'; BEGIN FOR r IN EXECUTE '§' LOOP NULL; END LOOP; END
"""
# Statements for objects, each made under the name ¤; what cannot be made twice is made again.
OBJECTS = """
CREATE FUNCTION p.¤(a text DEFAULT '§', b text DEFAULT '§' || '§') RETURNS text LANGUAGE sql AS 'SELECT $1'
CREATE FUNCTION p.¤() RETURNS void LANGUAGE plpgsql SET app.wording = '§' AS 'BEGIN END'
CREATE FUNCTION p.¤() RETURNS void LANGUAGE plpgsql SET "app.api_key" = '§' AS 'BEGIN END'
CREATE FUNCTION p.¤() RETURNS void LANGUAGE internal AS 'now'
CREATE VIEW p.¤ AS SELECT '§'::text AS a, E'\\\\§' AS b
CREATE MATERIALIZED VIEW p.¤ AS SELECT '§'::text AS a WITH NO DATA
CREATE TABLE p.¤ (a text DEFAULT '§', b text CHECK (b <> '§'), c varchar(99) DEFAULT '§')
CREATE TYPE p.¤ AS ENUM ('a')
CREATE DOMAIN p.¤ AS text DEFAULT '§' CHECK (VALUE <> '§')
CREATE INDEX ¤ ON p.t ((t || '§')) WHERE t <> '§'
CREATE POLICY ¤ ON p.t USING (t = '§') WITH CHECK (t = '§' || '§')
CREATE RULE ¤ AS ON INSERT TO p.t DO ALSO SELECT '§'
CREATE TRIGGER ¤ BEFORE INSERT ON p.t FOR EACH ROW WHEN (NEW.t = '§') EXECUTE PROCEDURE p.tr('§')
CREATE SERVER ¤ FOREIGN DATA WRAPPER w OPTIONS (host 'h', password '§', phrase '§', url 'http://u:§@h')
CREATE USER MAPPING FOR planted SERVER ¤ OPTIONS (user '§', password '§')
CREATE FOREIGN TABLE p.f¤ (a text OPTIONS (o '§')) SERVER ¤ OPTIONS (password '§')
CREATE SUBSCRIPTION ¤ CONNECTION 'host=h password=§' PUBLICATION x WITH (connect = false, slot_name = NONE)
COMMENT ON TABLE p.t IS 'password: §'
COMMENT ON COLUMN p.t.t IS '§'
COMMENT ON FUNCTION p.tr() IS 'the password of labo is §, see postgresql://u:§@h/d'
COMMENT ON SCHEMA p IS 'mot de passe §'
ALTER ROLE planted PASSWORD '§'
ALTER ROLE planted SET app.encryption_key = '§'
ALTER ROLE planted SET app.wording = '§'
ALTER ROLE planted IN DATABASE lab SET "app.pass" = '§'
ALTER DATABASE lab SET lis.connection = 'host=h password=§'
ALTER DATABASE lab SET lis.wording = '§'
ALTER SYSTEM SET archive_command = 'PGPASSWORD=§ curl -u labo:§ -T %p sftp://h/%f'
"""
LATER = (
    (12, "CREATE TABLE p.¤ (a text, g text GENERATED ALWAYS AS (a || '§') STORED)"),
    (
        14,
        "CREATE FUNCTION p.¤() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT '§'; SELECT E'\\\\§'; END",
    ),
    (14, "CREATE FUNCTION p.¤() RETURNS text LANGUAGE sql RETURN '§' || U&'§'"),
    (14, "CREATE STATISTICS p.¤ ON (t || '§'), t FROM p.t"),
    (15, "CREATE PUBLICATION ¤ FOR TABLE p.t WHERE (t <> '§')"),
    (18, "CREATE TABLE p.¤ (a text, g text GENERATED ALWAYS AS (a || '§') VIRTUAL)"),
)
# What pg_stat_statements keeps: constants of ordinary queries are replaced by it, of others not.
TRACKED = """
CREATE ROLE ¤ PASSWORD '§'
ALTER ROLE ¤ PASSWORD '§' VALID UNTIL '2030-01-01'
ALTER ROLE planted SET app.password = '§'
CREATE TABLE p.¤ AS SELECT md5('§'), crypt.crypt('§', '§')
DO $x$ BEGIN PERFORM crypt.crypt('§', 'password'); END $x$
DO 'BEGIN PERFORM crypt.crypt(''§'', ''§''); /* § */ END'
EXPLAIN SELECT crypt.crypt('§', '§'), "§" FROM (SELECT 1 AS "§") AS "dblink"
SELECT crypt.crypt('§', $$§$$) /* password § */
COPY (SELECT crypt.crypt('§', '§')) TO '/dev/null'
"""


def test_the_masking_is_the_same_wherever_it_is_written() -> None:
    names = ("definitions.sql", "definitions.pg14.sql", "statements.sql")
    texts = [(SNAPSHOT / name).read_text("ascii") for name in names]
    parts = [re.findall(r"\n\), known \(word\) AS \(\n.*?\n-- =+\n", text, re.DOTALL) for text in texts]
    assert [len(part) for part in parts] == [1, 1, 1]
    assert parts[0] == parts[1] == parts[2]


@pytest.fixture(scope="module")
def planted(postgres: object) -> Iterable[Cluster]:
    from pgguard.demo.cluster import Cluster

    settings = {"shared_preload_libraries": "pg_stat_statements", "track_activity_query_size": "4096"}
    with Cluster.start(postgres, settings=settings) as cluster:  # type: ignore[arg-type]
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE lab TEMPLATE template0 ENCODING 'UTF8'")
        yield cluster


@pytest.mark.parametrize("secret", SHAPES)
def test_no_secret_is_in_a_snapshot(secret: str, planted: Cluster) -> None:
    with psycopg.connect(planted.dsn(dbname="lab"), autocommit=True) as connection:
        major = connection.info.server_version // 10000
        _prepare(connection)
        made = _plant(connection, secret, major)
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("SELECT pg_sleep(0.1)")
        snapshot = read_snapshot(Target(planted.dsn(dbname="lab")), ["lab"])
        _clean(connection)
    # all but what this shape cannot say was really there
    assert made > 60
    assert [
        missing for missing in snapshot.all_missing() if missing[1] in ("definitions", "statements")
    ] == []
    assert len(snapshot.inspected[0].definitions) > 50
    assert len(snapshot.inspected[0].statements) > 5
    assert _leaks(snapshot, secret) == []


@pytest.mark.parametrize("quoted", ["SELECT 'x';", ""])
def test_a_word_that_a_parameter_is_set_to_is_hidden(quoted: str, cluster: Cluster) -> None:
    body = f"BEGIN {quoted} SET app.entry TO hunter; SET LOCAL app.k = hunter; UPDATE t SET a = b; END"
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute(f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $x$ {body} $x$".encode())
        (definition,) = read_open(connection).inspected[0].definitions
        connection.rollback()
    assert definition.text.strip() == body.replace("hunter", "_").replace("'x'", "'***'")


def test_random_texts_leak_nothing(cluster: Cluster) -> None:
    chance = random.Random(20_261_125)  # noqa: S311 - reproducible, not secret
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute("SET LOCAL check_function_bodies = off")
        for number in range(1500):
            body = "".join(_fragment(chance, 3) for _ in range(chance.randint(1, 12)))
            language = chance.choice(["sql", "plpgsql"])
            connection.execute(
                f"CREATE FUNCTION f{number}() RETURNS void LANGUAGE {language} AS {quote(body)}".encode()
            )
        snapshot = read_open(connection)
        connection.rollback()
    texts = [one.text for one in snapshot.inspected[0].definitions]
    assert len(texts) == 1500
    # of a text that can be read as nothing but SQL something is left
    assert sum(text != "***" for text in texts) > 750
    assert [text for text in texts if "hunter" in text.lower()] == []


def test_where_backslashes_may_escape_a_doubtful_text_is_hidden_whole(
    new_cluster: Callable[..., Cluster],
) -> None:
    cluster = new_cluster(settings={"standard_conforming_strings": "off"})
    with psycopg.connect(cluster.dsn()) as connection:
        for name, body in (("f", r"SELECT 'a\'hunter'"), ("g", "SELECT 'hunter' /* plain */")):
            connection.execute(
                f"CREATE FUNCTION {name}() RETURNS text LANGUAGE sql AS $x$ {body} $x$".encode()
            )
        connection.commit()
    snapshot = read_snapshot(Target(cluster.dsn()), ["postgres"])
    texts = [one.text.strip() for one in snapshot.inspected[0].definitions]
    assert texts == ["***", "SELECT '***' /**/"]


def _fragment(chance: random.Random, depth: int) -> str:
    """A piece of a text as the lexer of PostgreSQL sees it, in which every hunter is inside of something."""
    secret = chance.choice(
        ["hunter", "Hunter 2", "'hunter", "hunter''", "$hunter", "hunter\\", "--hunter", "/*hunter"]
    )
    plain = secret.replace("'", "''").replace("''''", "''")
    tag = chance.choice(["$$", "$a$", "$b1$", "$_$"])
    inner = _fragment(chance, depth - 1) if depth else "hunter"
    return chance.choice(
        [
            " SELECT 1 ",
            ", x.y = $1 ",
            " E1 ",
            " a$b ",
            f" '{plain}' ",
            f"'{plain}'||",
            " E'" + secret.replace("\\", "\\\\").replace("'", chance.choice(["\\'", "''"])) + "' ",
            f" {tag}{secret.replace(tag, '')} {tag} ",
            f" {tag} {inner.replace(tag, '')} {tag} ",
            " '" + inner.replace("'", "''") + "' ",
            f" --{secret}\n",
            f" /*{secret.replace('/*', '')}*/ ",
            f" /* {inner.replace('/*', '').replace('*/', '')} /* {secret.replace('/*', '')} */ hunter */ ",
            ' "it\'s" ',
            " '' ",
            "\n",
        ]
    )


def _prepare(connection: psycopg.Connection) -> None:
    for statement in (
        "SET check_function_bodies = off",
        "CREATE SCHEMA p",
        "CREATE SCHEMA crypt",
        "CREATE EXTENSION pgcrypto SCHEMA crypt",
        "CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
        "SELECT pg_stat_statements_reset()",
        "CREATE ROLE planted LOGIN",
        "CREATE FOREIGN DATA WRAPPER w",
        "CREATE TABLE p.t (t text)",
        "CREATE FUNCTION p.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ):
        connection.execute(statement.encode())


def _plant(connection: psycopg.Connection, secret: str, major: int) -> int:
    statements = []
    for number, body in enumerate(SQL_BODIES.strip().split("\n")):
        statements.append(
            f"CREATE FUNCTION p.s{number}(text) RETURNS text LANGUAGE sql AS $outside${body}$outside$"
        )
    for number, body in enumerate(PLPGSQL_BODIES.strip().split("\n")):
        statements.append(
            f"CREATE FUNCTION p.p{number}() RETURNS void LANGUAGE plpgsql AS $outside${body}$outside$"
        )
    server = ""
    for number, line in enumerate([*OBJECTS.strip().split("\n"), *TRACKED.strip().split("\n")]):
        if line.startswith("CREATE SERVER"):
            server = f"o{number}"
        needs_server = line.startswith(("CREATE USER MAPPING", "CREATE FOREIGN TABLE"))
        name = server if needs_server else f"o{number}"
        statements.append(line.replace("¤", name))
    statements += [text.replace("¤", f"l{n}") for n, (since, text) in enumerate(LATER) if since <= major]
    made = 0
    for statement in statements:
        try:
            connection.execute(statement.replace("§", secret).encode())
        except (psycopg.DatabaseError, UnicodeError):
            continue
        made += 1
    return made


def _clean(connection: psycopg.Connection) -> None:
    for (name,) in connection.execute("SELECT subname FROM pg_subscription").fetchall():
        connection.execute(f"DROP SUBSCRIPTION {name}".encode())
    names = connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname ~ '^(o[0-9]+|planted)$'"
    ).fetchall()
    for statement in (
        "DROP EXTENSION pgcrypto CASCADE",
        "DROP SCHEMA p, crypt CASCADE",
        "DROP FOREIGN DATA WRAPPER w CASCADE",
        "ALTER DATABASE lab RESET ALL",
        "ALTER SYSTEM RESET ALL",
        *(f"DROP ROLE {name}" for (name,) in names),
    ):
        connection.execute(statement.encode())


def _leaks(snapshot: Snapshot, secret: str) -> list[str]:
    """The rows that hold a word of the secret."""
    words = [word.lower() for word in re.findall(r"[^\W_]{5,}", secret) if word not in ("select",)]
    owners = [snapshot, *snapshot.inspected]
    return [
        repr(row)
        for owner in owners
        for section in owner.section_types()
        if section not in owner.missing()
        for row in owner.rows(section)
        if any(word in repr(row).lower() for word in words)
    ]
