"""No value of a column that is only marked is in clear in the
store's files, its statistics, or what its code logs."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from tests.audit.store import with_store
from tests.encryption.attacks import forms, found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

TALKATIVE = {
    "log_statement": "all",
    "log_min_messages": "debug1",
    "log_error_verbosity": "verbose",
    "log_min_error_statement": "debug5",
    "log_parameter_max_length": "0",
    "track_functions": "all",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_verbose": "on",
    "auto_explain.log_triggers": "on",
    "auto_explain.log_settings": "on",
}
# columns of all kinds of types, none of which is recorded but as changed
SCHEMA = """
CREATE ROLE app LOGIN; CREATE ROLE lab_owner;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
SET ROLE lab_owner;
CREATE TABLE lab.t (
    id int PRIMARY KEY, who int, name text, c varchar(80), ch char(40), n numeric, raw bytea, j jsonb,
        js json, arr text[],
    long text, plain text CHECK (length(plain) < 60), UNIQUE (name));
CREATE TABLE lab.tagged (nir text PRIMARY KEY, whose text, name text);
CREATE TABLE lab.bare (name text, j json);
CREATE TABLE lab.rowed (nir text PRIMARY KEY, whose text, name text, plain text, n numeric, arr text[]);
GRANT USAGE ON SCHEMA lab TO app; GRANT ALL ON ALL TABLES IN SCHEMA lab TO app;
RESET ROLE;
SELECT pgguard_audit.audit('lab.t', 'who', '{"plain": "plain"}');
SELECT pgguard_audit.audit('lab.tagged', 'whose', key_is_tag => true, subject_is_tag => true);
SELECT pgguard_audit.audit('lab.bare');
SELECT pgguard_audit.audit('lab.rowed', 'whose', '{"plain": "plain"}', 'row', key_is_tag => true,
    subject_is_tag => true);
"""


class Planted:
    """Values that are bound, and therefore only found where somebody put them."""

    def __init__(self) -> None:
        self.text = f"planted{secrets.token_hex(6)}"
        self.number = str(10**20 + secrets.randbelow(10**20))
        self.nir = f"1{secrets.randbelow(10**14):014}"
        self.other = f"2{secrets.randbelow(10**14):014}"
        self.whose = f"whose{secrets.token_hex(6)}"

    def forms(self) -> list[str]:
        """All of them, however they may be written."""
        return [one for value in vars(self).values() for one in forms(value)]


@pytest.fixture(scope="module")
def running(postgres: Postgres) -> Iterator[Cluster]:
    root = postgres.bin.parent
    explains = any((root / folder / "auto_explain.so").exists() for folder in ("lib", "lib/postgresql"))
    settings = TALKATIVE | ({"shared_preload_libraries": "auto_explain"} if explains else {})
    if not explains:
        settings = {name: value for name, value in settings.items() if not name.startswith("auto_explain")}
    with Cluster.start(postgres, settings={**settings, "full_page_writes": "off"}) as cluster:
        yield cluster


def _written(cluster: Cluster, planted: Planted) -> None:
    """Everything that goes through the triggers, and what fails in or around them."""
    p = planted
    with psycopg.connect(cluster.dsn(user="app", dbname="lab"), autocommit=True) as connection:

        def run(statement: str, *values: object, fails: str = "") -> None:
            state: str | None = ""
            try:
                connection.execute(statement.encode(), values)
            except psycopg.Error as error:
                state = error.sqlstate
            assert state == fails, statement

        # plans for one call, and one for all
        for turn in range(8):
            connection.prepare_threshold = 0 if turn % 2 else None
            row = (turn, turn, f"{p.text}{turn}", p.text, p.text, p.number, p.text.encode())
            objects = (f'{{"v": "{p.text}"}}',) * 2
            run(
                "INSERT INTO lab.t VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, ARRAY[%s],"
                " repeat(%s, 1000), 'visible-value')",
                *row,
                *objects,
                p.text,
                p.text,
            )
            run(
                "UPDATE lab.t SET name = name || 'x', c = c || 'y', n = n + 1, raw = raw ||"
                " '\\x00', j = '{}', arr = arr || arr WHERE id = %s",
                turn,
            )
            run("UPDATE lab.t SET id = id + 100 WHERE id = %s", turn)
            run("INSERT INTO lab.tagged VALUES (%s, %s, %s)", f"{p.nir}{turn}", p.whose, p.text)
            run(
                "UPDATE lab.tagged SET name = 'n', whose = %s WHERE nir = %s",
                f"{p.whose}{turn}",
                f"{p.nir}{turn}",
            )
            run("UPDATE lab.tagged SET nir = %s WHERE nir = %s", f"{p.other}{turn}", f"{p.nir}{turn}")
            run(
                "INSERT INTO lab.rowed VALUES (%s, %s, %s, 'visible-value', %s, ARRAY[%s])",
                f"{p.nir}{turn}",
                p.whose,
                p.text,
                p.number,
                p.text,
            )
            run(
                "UPDATE lab.rowed SET name = 'n', n = n + 1, arr = '{}', whose = %s WHERE nir = %s",
                f"{p.whose}{turn}",
                f"{p.nir}{turn}",
            )
            run("UPDATE lab.rowed SET nir = %s WHERE nir = %s", f"{p.other}{turn}", f"{p.nir}{turn}")
            run("INSERT INTO lab.bare VALUES (%s, %s)", f"{p.text}{turn}", objects[0])
            run("UPDATE lab.bare SET name = name || 'z'")
            run(
                "INSERT INTO lab.t (id, name, plain) VALUES (500, %s, repeat('x', 99))", p.text, fails="23514"
            )
            run(
                "INSERT INTO lab.tagged VALUES (%s, %s, %s)",
                f"{p.other}{turn}",
                p.whose,
                p.text,
                fails="23505",
            )
            if turn % 2:
                run("DELETE FROM lab.t WHERE id = %s", 100 + turn)
                run("DELETE FROM lab.tagged WHERE nir = %s", f"{p.other}{turn}")
                run("DELETE FROM lab.rowed WHERE nir = %s", f"{p.other}{turn}")
        run("DELETE FROM lab.bare")
    # the store refuses: the audit's own statement fails
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as boss:
        boss.execute("ALTER TABLE pgguard_audit.entry ADD CONSTRAINT never CHECK (login <> 'app') NOT VALID")
    with psycopg.connect(cluster.dsn(user="app", dbname="lab"), autocommit=True) as connection:
        for statement in (
            "INSERT INTO lab.t (id, name, plain) VALUES (600, %s, 'visible-value')",
            "UPDATE lab.t SET c = %s",
            "INSERT INTO lab.bare VALUES (%s)",
            "INSERT INTO lab.tagged VALUES (%s)",
            "INSERT INTO lab.rowed VALUES (%s)",
        ):
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(statement.encode(), (p.text,))
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as boss:
        boss.execute("ALTER TABLE pgguard_audit.entry DROP CONSTRAINT never")


def _files(connection: psycopg.Connection, cluster: Cluster) -> dict[str, bytes]:
    """The files of everything in the schema of the store, of its indexes, and of what is kept out of line."""
    listed = connection.execute(
        "WITH own AS (SELECT oid, reltoastrelid FROM pg_class WHERE relnamespace ="
        " 'pgguard_audit'::regnamespace),"
        " of AS (SELECT oid FROM own UNION SELECT reltoastrelid FROM own WHERE reltoastrelid <> 0),"
        " every AS (SELECT oid FROM of UNION SELECT indexrelid FROM pg_index WHERE indrelid IN"
        " (SELECT oid FROM of))"
        " SELECT oid::regclass::text, pg_relation_filepath(oid) FROM every WHERE"
        " pg_relation_filepath(oid) IS NOT NULL"
    ).fetchall()
    files = {}
    for name, path in listed:
        first: Path = cluster.data_directory / path
        files[name] = b"".join(one.read_bytes() for one in sorted(first.parent.glob(f"{first.name}*")))
    return files


def test_planted_values_are_nowhere_in_the_store_nor_in_what_it_logs(running: Cluster) -> None:
    with_store(running, "lab")
    with psycopg.connect(running.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    planted = Planted()
    mark = len(running.log.read_bytes())
    _written(running, planted)
    said = running.log.read_bytes()[mark:].decode("utf-8", "replace")
    with psycopg.connect(running.dsn(dbname="lab"), autocommit=True) as connection:
        ((entries,),) = connection.execute(
            "SELECT count(*) FROM pgguard_audit.entry WHERE login = 'app' AND shape IS NOT NULL"
        ).fetchall()
        assert entries > 8 * 8
        connection.execute("ANALYZE")
        ((statistics,),) = connection.execute(
            "SELECT string_agg(concat_ws(' ', s.tablename, s.attname, s.most_common_vals,"
            " s.histogram_bounds), ' ')"
            " FROM pg_stats AS s WHERE s.schemaname = 'pgguard_audit'"
        ).fetchall()
        ((kept,),) = connection.execute(
            "SELECT count(*) FROM pg_stats WHERE schemaname = 'pgguard_audit' AND tablename LIKE 'entry%'"
            " AND attname IN ('key', 'subject', 'subject_before', 'old', 'new', 'sealed')"
        ).fetchall()
        ((secret,),) = connection.execute("SELECT secret FROM pgguard_audit.installation").fetchall()
        ((tag_key,),) = connection.execute("SELECT pgguard_audit.tag_key()").fetchall()
        connection.execute("CHECKPOINT")
        files = _files(connection, running)
    assert statistics
    assert kept == 0
    assert found(statistics, planted.forms()) == []
    # the control: what is recorded is found where it should be
    assert any(b"visible-value" in content for name, content in files.items() if ".entry_" in name)
    for name, content in files.items():
        hits = [one for one in planted.forms() if one.encode() in content]
        assert hits == [], name
    # keys of the audit, and values in what its own statements logged
    for one in (secret, tag_key):
        assert found(said, forms(bytes(one))) == []
    own = [
        part
        for part in re.split(r"\n(?=\d{4}-\d\d-\d\d )", said)
        if "INSERT INTO pgguard_audit.entry" in part
    ]
    assert own
    if "Query Text" in said:
        plans = [part for part in own if "Query Text: INSERT INTO pgguard_audit.entry" in part]
        assert plans
        for part in plans:
            assert found(part, planted.forms()) == [], part[:2000]
    # what the audit's own statement says when it fails, but not the statement of the application
    for part in own:
        told = "\n".join(line for line in part.splitlines() if "STATEMENT:" not in line)
        assert found(told, planted.forms()) == [], told[:2000]
