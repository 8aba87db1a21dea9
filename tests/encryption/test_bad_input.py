"""What is wrong with a key, a table, a plan or a value is said in one message, and nothing is changed."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from pgguard.errors import InputError
from pgguard.model.encryption import EncryptedColumn
from pgguard.model.quote import ident, qualified
from pgguard.plan.encryption.naming import function
from tests.conftest import MAJOR
from tests.encryption.phases import KEK, UP, Phases, checksum, planned, unlocked
from tests.odd_names import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form

pytestmark = pytest.mark.skipif(MAJOR is not None and MAJOR < 14, reason="encryption needs PostgreSQL 14")
LONG = "PGGUARD_LONG" in os.environ
MEGABYTES = 100 if LONG else 24

TABLE = """
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id int PRIMARY KEY, nir text UNIQUE, note text, born date);
INSERT INTO lab.patient SELECT g, 'N' || g, 'note ' || g, date '1950-01-01' + g
    FROM generate_series(1, 200) AS g;
ANALYZE lab.patient;
"""
COLUMNS = (EncryptedColumn("nir", searchable=True), EncryptedColumn("note"), EncryptedColumn("born"))


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    """A database of its own, with one table."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bad_input")
    with psycopg.connect(cluster.dsn(dbname="bad_input"), autocommit=True) as connection:
        connection.execute(TABLE.encode())
    yield "bad_input"
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("DROP DATABASE bad_input WITH (FORCE)")


def _execute(phases: Phases, statement: str) -> None:
    with psycopg.connect(phases.dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def _everything(phases: Phases) -> tuple[str, list[tuple]]:
    """The data of the table, what of it is sealed, and the catalog around it."""
    with psycopg.connect(phases.dsn) as connection:
        rows = connection.execute("SELECT t::text FROM lab.patient AS t ORDER BY 1").fetchall()
        catalog = connection.execute(
            "SELECT c.relname, a.attname, a.atttypid FROM pg_class AS c JOIN pg_attribute AS a ON "
            "a.attrelid = c.oid"
            " WHERE c.relnamespace IN ('lab'::regnamespace, 'pgguard'::regnamespace) AND NOT a.attisdropped"
            " ORDER BY 1, 2"
        ).fetchall()
    return str(rows), catalog


# keys


def _pgguard(
    path: Path, cluster: Cluster, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        [sys.executable, "-m", "pgguard.cli.main", "apply", str(path), cluster.dsn(), *arguments],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=path.parent,
        env={**kept, **environment},
    )


@pytest.mark.parametrize(
    ("given", "told", "code"),
    [
        (("--key", "env:KEY"), "this is not the key-encryption key of this database", 4),
        (("--key", "env:NOBODY"), "NOBODY", 2),
        (("--key", "file:absent"), "absent", 2),
        (("--key", "nonsense:x"), "a provider is file:PATH, env:NAME", 2),
    ],
)
def test_a_wrong_or_missing_key_is_one_message_and_nothing_is_written(
    cluster: Cluster, database: str, tmp_path: Path, given: tuple[str, ...], told: str, code: int
) -> None:
    path = tmp_path / "migrations"
    phases = planned(cluster, database, {"lab.patient": COLUMNS}, path=path)
    phases.install()
    phases.up("expand")
    before = _everything(phases)
    wrong = "00" * 31 + "01"
    done = _pgguard(path, cluster, "--all", *given, KEY=wrong)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert wrong not in done.stderr + done.stdout
    assert _everything(phases) == before


def test_a_session_without_a_key_is_told_what_to_do(cluster: Cluster, database: str) -> None:
    phases = planned(cluster, database, {"lab.patient": COLUMNS})
    phases.install()
    phases.up("expand")
    (backfill,) = phases.of("backfill")
    before = _everything(phases)
    with pytest.raises(psycopg.Error, match=r"call pgguard\.unlock") as refused:
        phases.run(backfill, "up", kek=None)
    assert refused.value.sqlstate == "PGG01"
    assert _everything(phases) == before
    with pytest.raises(psycopg.Error, match="has 32 bytes, and this has 5"):
        unlocked(phases.dsn, b"short")
    # none of the phases that follow goes on without one
    phases.up("backfill", "verify", "switch", "soak")
    for statement in (
        "SELECT nir FROM lab.patient",
        "INSERT INTO lab.patient (id, nir) VALUES (1001, 'x')",
        "UPDATE lab.patient SET note = 'x' WHERE id = 1",
        "SELECT * FROM pgguard.find__lab__patient__nir('N1')",
    ):
        with psycopg.connect(phases.dsn, autocommit=True) as connection:
            with pytest.raises(psycopg.Error, match=r"call pgguard\.unlock") as refused:
                connection.execute(statement.encode())
            assert refused.value.sqlstate == "PGG01"


def test_keys_of_another_server_are_recognised(cluster: Cluster, database: str) -> None:
    phases = planned(cluster, database, {"lab.patient": COLUMNS})
    phases.install()
    phases.up(*UP[:5])
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE elsewhere")
    other = planned_copy(phases, "elsewhere")
    try:
        with unlocked(phases.dsn) as connection:
            before = checksum(connection, "lab.patient", ("id", "nir", "note", "born"))
        # the table of keys of the other one, restored over that of this one
        with psycopg.connect(other.dsn) as source, psycopg.connect(phases.dsn) as target:
            kept = {}
            for table in ("key", "kek"):
                columns = (
                    "id, key_group, purpose, state, epoch, wrapped"
                    if table == "key"
                    else "epoch, check_value"
                )
                kept[table] = target.execute(f"SELECT {columns} FROM pgguard.{table}".encode()).fetchall()
                target.execute(f"DELETE FROM pgguard.{table}".encode())
            for table in ("kek", "key"):
                columns = (
                    "id, key_group, purpose, state, epoch, wrapped"
                    if table == "key"
                    else "epoch, check_value"
                )
                for row in source.execute(f"SELECT {columns} FROM pgguard.{table}".encode()).fetchall():
                    target.execute(
                        f"INSERT INTO pgguard.{table} ({columns}) "
                        f"VALUES ({', '.join(['%s'] * len(row))})".encode(),
                        row,
                    )
            target.commit()
            for kek in (KEK, bytes(range(32))):
                with pytest.raises(
                    psycopg.Error, match="not the key-encryption key of this database"
                ) as refused:
                    unlocked(phases.dsn, kek)
                assert refused.value.sqlstate == "PGG01"
            # only the keys, with the epochs of this one
            target.execute("DELETE FROM pgguard.key")
            target.execute("DELETE FROM pgguard.kek")
            for row in kept["kek"]:
                target.execute("INSERT INTO pgguard.kek (epoch, check_value) VALUES (%s, %s)", row)
            for row in source.execute(
                "SELECT id, key_group, purpose, state, epoch, wrapped FROM pgguard.key"
            ):
                target.execute(
                    "INSERT INTO pgguard.key (id, key_group, purpose, state, epoch, wrapped)"
                    " VALUES (%s, %s, %s, %s, %s, %s)",
                    row,
                )
            target.commit()
            with pytest.raises(psycopg.Error, match="pgguard: ") as refused:
                unlocked(phases.dsn)
            assert refused.value.sqlstate in ("PGG01", "PGG02", "PGG03")
            target.execute("DELETE FROM pgguard.key")
            for row in kept["key"]:
                target.execute(
                    "INSERT INTO pgguard.key (id, key_group, purpose, state, epoch, wrapped)"
                    " VALUES (%s, %s, %s, %s, %s, %s)",
                    row,
                )
            target.commit()
        with unlocked(phases.dsn) as connection:
            assert checksum(connection, "lab.patient", ("id", "nir", "note", "born")) == before
    finally:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("DROP DATABASE elsewhere WITH (FORCE)")


def planned_copy(phases: Phases, name: str) -> Phases:
    """Another installation, with another key-encryption key."""
    with psycopg.connect(phases.cluster.dsn(dbname=name), autocommit=True) as connection:
        connection.execute(TABLE.encode())
    other = planned(phases.cluster, name, {"lab.patient": COLUMNS})
    other.install(bytes(range(32)))
    return other


# plans that are older than what they are for

CHANGES = {
    "a column has another type": (
        "ALTER TABLE {} ALTER COLUMN note TYPE varchar(90)",
        "does not have the columns",
    ),
    "another column was added": ("ALTER TABLE {} ADD COLUMN late text", "does not have the columns"),
    "a column was dropped": ("ALTER TABLE {} DROP COLUMN note", "does not have the columns"),
    "a column was renamed": ("ALTER TABLE {} RENAME COLUMN note TO notes", "does not have the columns"),
    "a column must be there": ("ALTER TABLE {} ALTER COLUMN born SET NOT NULL", "does not have the columns"),
    "a check was added": (
        "ALTER TABLE {} ADD CHECK (note <> '')",
        "a constraint that the plan does not know",
    ),
    "a reference was added": (
        "ALTER TABLE {} ADD FOREIGN KEY (id) REFERENCES lab.patient_1",
        "a constraint that the plan does not know",
    ),
    "an index was added": ("CREATE UNIQUE INDEX ON {} (note)", "an index that the plan does not know"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_plan_that_is_older_than_its_table_stops(cluster: Cluster, database: str, what: str) -> None:
    change, told = CHANGES[what]
    phases = planned(cluster, database, {"lab.patient": COLUMNS})
    phases.install()
    _execute(
        phases,
        "CREATE TABLE lab.patient_1 AS TABLE lab.patient; ALTER TABLE lab.patient_1 ADD PRIMARY KEY (id)",
    )
    done: list[str] = []
    for phase in ("expand", "backfill", "verify", "switch", "contract"):
        storage = "lab.patient_pgg1" if "switch" in done else "lab.patient"
        with closing(psycopg.connect(phases.dsn)) as connection:
            connection.execute(change.format(storage).encode())
            connection.commit()
        before = _everything(phases) if phase != "contract" else None
        for one in phases.of(phase):
            with pytest.raises(psycopg.errors.RaiseException, match=told):
                phases.run(one, "up")
        assert before is None or _everything(phases) == before
        # as it was, for the next of the files
        _undone(phases, what, storage)
        phases.up(phase)
        done.append(phase)
        if what in ("a column was dropped", "a column has another type"):
            # not to be had back with its sealed values
            break


def _undone(phases: Phases, what: str, storage: str) -> None:
    undo = {
        "another column was added": "ALTER TABLE {} DROP COLUMN late",
        "a column has another type": "ALTER TABLE {} ALTER COLUMN note TYPE text",
        "a column was dropped": "ALTER TABLE {} ADD COLUMN note text",
        "a column was renamed": "ALTER TABLE {} RENAME COLUMN notes TO note",
        "a column must be there": "ALTER TABLE {} ALTER COLUMN born DROP NOT NULL",
        "a check was added": "ALTER TABLE {} DROP CONSTRAINT patient_note_check",
        "a reference was added": "ALTER TABLE {} DROP CONSTRAINT patient_id_fkey",
        "an index was added": "DROP INDEX lab.patient_note_idx",
    }[what]
    if storage != "lab.patient":
        undo = undo.replace("patient_note_check", "patient_pgg1_note_check")
        undo = undo.replace("patient_id_fkey", "patient_pgg1_id_fkey")
        undo = undo.replace("patient_note_idx", "patient_pgg1_note_idx")
    _execute(phases, undo.format(storage))


def test_rights_given_since_are_not_lost_behind_the_view(cluster: Cluster, database: str) -> None:
    phases = planned(cluster, database, {"lab.patient": COLUMNS})
    phases.install()
    phases.up("expand", "backfill", "verify")
    _execute(phases, "GRANT SELECT ON lab.patient TO PUBLIC")
    (switch,) = phases.of("switch")
    with pytest.raises(psycopg.errors.RaiseException, match=r"the rights on lab\.patient are not those"):
        phases.run(switch, "up")
    _execute(phases, "REVOKE SELECT ON lab.patient FROM PUBLIC")
    phases.up("switch")


# tables and columns that are refused when the plan is made

REFUSED = {
    "no primary key": ("CREATE TABLE lab.t (id int, v text)", "it has no primary key"),
    "a key of it": (
        "CREATE TABLE lab.t (v text PRIMARY KEY)",
        "a column of its primary key cannot be encrypted",
    ),
    "a key of odd type": ("CREATE TABLE lab.t (id inet PRIMARY KEY, v text)", "key column of type inet"),
    "an unknown type": ("CREATE TABLE lab.t (id int PRIMARY KEY, v point)", "values of type point"),
    "a composite type": (
        "CREATE TYPE lab.pair AS (a int, b text); CREATE TABLE lab.t (id int PRIMARY KEY, v lab.pair)",
        "values of type lab.pair",
    ),
    "a domain that is not null": (
        "CREATE DOMAIN lab.d AS text NOT NULL; CREATE TABLE lab.t (id int PRIMARY KEY, v lab.d)",
        "its domain lab.d is NOT NULL",
    ),
    "a view": ("CREATE VIEW lab.t AS SELECT 1 AS id, ''::text AS v", "it is no table"),
    "a partition": (
        "CREATE TABLE lab.whole (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);"
        "CREATE TABLE lab.t PARTITION OF lab.whole DEFAULT",
        "it is a partition",
    ),
    "it decides the partition": (
        "CREATE TABLE lab.t (id int, v text, PRIMARY KEY (id, v)) PARTITION BY LIST (v)",
        "it decides in which partition a row is",
    ),
    "a foreign table": (
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE FOREIGN TABLE lab.t (id int, v text) SERVER s",
        "it is a foreign table",
    ),
    "a partition elsewhere": (
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE TABLE lab.t (id int NOT NULL, v text) PARTITION BY RANGE (id);"
        "CREATE FOREIGN TABLE lab.far PARTITION OF lab.t DEFAULT SERVER s",
        "its partition lab.far is a foreign table",
    ),
    "inheritance": (
        "CREATE TABLE lab.up (id int PRIMARY KEY, v text); CREATE TABLE lab.t (PRIMARY KEY (id)) "
        "INHERITS (lab.up)",
        "it is part of an inheritance tree",
    ),
    "its children": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text); CREATE TABLE lab.under () INHERITS (lab.t)",
        "it is part of an inheritance tree",
    ),
    "a typed table": (
        "CREATE TYPE lab.row AS (id int, v text); CREATE TABLE lab.t OF lab.row (PRIMARY KEY (id))",
        "it is a typed table",
    ),
    "a rule": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text);"
        "CREATE RULE nothing AS ON DELETE TO lab.t DO INSTEAD NOTHING",
        "it has rules (nothing)",
    ),
    "a materialized view": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text); CREATE MATERIALIZED VIEW lab.m AS SELECT "
        "v FROM lab.t",
        "the materialized view lab.m holds values of it in clear",
    ),
    "a function of its row type": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text);"
        "CREATE FUNCTION lab.f(lab.t) RETURNS text LANGUAGE sql AS 'SELECT $1.v'",
        "functions use its row type (lab.f(lab.t))",
    ),
    "a bound function": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text);"
        "CREATE FUNCTION lab.f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT v FROM lab.t; END",
        "functions are bound to it by its number (lab.f())",
    ),
    "the name is taken": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text, v_pgg1 text)",
        "there is already a column v_pgg1",
    ),
    "a trigger after ours": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text);"
        "CREATE FUNCTION lab.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER zzzz BEFORE INSERT ON lab.t FOR EACH ROW EXECUTE FUNCTION lab.f()",
        "its trigger zzzz would fire after the one that seals",
    ),
    "a trigger of updates": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text);"
        "CREATE FUNCTION lab.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER seen AFTER UPDATE ON lab.t FOR EACH ROW EXECUTE FUNCTION lab.f()",
        "acknowledge update-triggers",
    ),
    "a trigger of the column": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text);"
        "CREATE FUNCTION lab.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER seen AFTER UPDATE OF v ON lab.t FOR EACH ROW EXECUTE FUNCTION lab.f()",
        "its trigger seen is for changes of this column",
    ),
    "a generated column": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text GENERATED ALWAYS AS ('x') STORED)",
        "it is a generated column",
    ),
    "a column made of it": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text, w text GENERATED ALWAYS AS (upper(v)) STORED)",
        "a generated column is computed from it",
    ),
    "an identity": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v int GENERATED ALWAYS AS IDENTITY)",
        "it is an identity column",
    ),
    "a policy": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text); CREATE POLICY p ON lab.t USING (v = current_user)",
        "a row policy reads it",
    ),
    "a reference from it": (
        "CREATE TABLE lab.o (v text PRIMARY KEY); CREATE TABLE lab.t (id int PRIMARY KEY, v text "
        "REFERENCES lab.o)",
        "the foreign key t_v_fkey references lab.o",
    ),
    "a reference to it": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text UNIQUE); CREATE TABLE lab.o (v text "
        "REFERENCES lab.t (v))",
        "the foreign key o_v_fkey is referenced by lab.o",
    ),
    "a check of other code": (
        "CREATE FUNCTION lab.f(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';"
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text CHECK (lab.f(v)))",
        "its check t_v_check calls code that is not PostgreSQL's own",
    ),
    "unique": ("CREATE TABLE lab.t (id int PRIMARY KEY, v text UNIQUE)", "it is unique (t_v_key)"),
    "unique expressions": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text); CREATE UNIQUE INDEX u ON lab.t (lower(v))",
        "the unique index u is over an expression",
    ),
    "unique at the end": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text UNIQUE DEFERRABLE)",
        "its unique constraint t_v_key is deferrable",
    ),
    "a publication's list": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text); CREATE PUBLICATION p FOR TABLE lab.t (id, v)",
        "the publication p lists it",
    ),
    "unique NULLs": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text UNIQUE NULLS NOT DISTINCT)",
        "with NULLS NOT DISTINCT",
    ),
    "the replica identity": (
        "CREATE TABLE lab.t (id int PRIMARY KEY, v text NOT NULL); CREATE UNIQUE INDEX u ON lab.t (v);"
        "ALTER TABLE lab.t REPLICA IDENTITY USING INDEX u",
        "its index u is the replica identity",
    ),
    "a temporary table": ("CREATE TEMP TABLE t (id int PRIMARY KEY, v text)", "there is no such table"),
}
FROM_15 = {"a publication's list", "unique NULLs"}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_encrypted_is_refused_with_the_reason(
    cluster: Cluster, database: str, what: str
) -> None:
    if what in FROM_15 and cluster.postgres.major < 15:
        pytest.skip("there is no such thing before 15")
    statements, told = REFUSED[what]
    with psycopg.connect(cluster.dsn(dbname=database), autocommit=True) as connection:
        connection.execute(statements.encode())
        with pytest.raises(InputError) as refused:
            planned(cluster, database, {"lab.t": (EncryptedColumn("v"),)})
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (EncryptedColumn("absent"), "there is no such column"),
        (EncryptedColumn("few", searchable=True), "it has about 2 different values in 2,000 rows"),
        (EncryptedColumn("unseen", searchable=True), "how many different values it has is not known"),
        (EncryptedColumn("weight", searchable=True), "a blind index tells equal texts"),
        (EncryptedColumn("few", mask="year"), "the mask year is for dates"),
        (EncryptedColumn("weight", mask="last:2"), "the mask last:2 is for texts"),
        (EncryptedColumn("few", mask="last:many"), "the mask last:N needs a number"),
        (EncryptedColumn("few", mask="stars"), "there is no mask stars"),
        (EncryptedColumn("few", padding=-1), "padding is a number of bytes"),
        (EncryptedColumn("weight", searchable=True, normal_form="name"), "the form name is for texts"),
    ],
)
def test_what_is_asked_of_a_column_is_looked_at(
    cluster: Cluster, database: str, column: EncryptedColumn, told: str
) -> None:
    with psycopg.connect(cluster.dsn(dbname=database), autocommit=True) as connection:
        connection.execute("CREATE TABLE lab.t (id int PRIMARY KEY, few text, weight numeric)")
        connection.execute(
            "INSERT INTO lab.t SELECT g, (ARRAY['m', 'f'])[g % 2 + 1], g FROM generate_series(1, 2000) AS g"
        )
        connection.execute("ANALYZE lab.t; ALTER TABLE lab.t ADD COLUMN unseen text")
    with pytest.raises(InputError) as refused:
        planned(cluster, database, {"lab.t": (column,)})
    assert told in str(refused.value)


def test_before_14_it_is_refused(cluster: Cluster, database: str) -> None:
    from pgguard.model.encryption import EncryptedTable
    from pgguard.plan.encryption.refused import table_refusals
    from pgguard.server.connect import Target
    from pgguard.server.shapes import read_shapes

    (shape,) = read_shapes(Target(cluster.dsn()), database, ["lab.patient"])
    why = list(table_refusals(EncryptedTable(database, shape, COLUMNS), major=13))
    assert why == ["lab.patient: encryption needs PostgreSQL 14 or later, and this is 13"]


@pytest.mark.parametrize("what", ["view", "function"])
def test_in_place_what_reads_the_clear_column_is_refused(cluster: Cluster, database: str, what: str) -> None:
    with psycopg.connect(cluster.dsn(dbname=database), autocommit=True) as connection:
        if what == "view":
            connection.execute("CREATE VIEW lab.known AS SELECT id, note FROM lab.patient")
        else:
            connection.execute(
                "CREATE FUNCTION lab.f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT note FROM "
                "lab.patient; END"
            )
    with pytest.raises(InputError) as refused:
        planned(cluster, database, {"lab.patient": COLUMNS}, form="in-place")
    assert (
        "the view lab.known reads it" if what == "view" else "functions are bound to it (lab.f())"
    ) in str(refused.value)


# values


def test_texts_that_look_like_something_else_come_back_as_they_were(cluster: Cluster, database: str) -> None:
    odd = [
        "2024-02-30",
        "0000-00-00",
        "31/02/1999",
        "infinity",
        "NULL",
        r"\x41",
        "",
        " ",
        "'",
        "\r\n",
        "💉" * 9,
    ]
    phases = planned(cluster, database, {"lab.patient": COLUMNS})
    with psycopg.connect(phases.dsn, autocommit=True) as connection:
        for number, value in enumerate(odd):
            connection.execute("INSERT INTO lab.patient (id, note) VALUES (%s, %s)", (1000 + number, value))
    phases.install()
    phases.up(*UP[:6])
    with unlocked(phases.dsn) as connection:
        query = "SELECT note FROM lab.patient WHERE id >= 1000 ORDER BY id"
        assert [value for (value,) in connection.execute(query)] == odd
        connection.execute("UPDATE lab.patient SET note = note || '!' WHERE id >= 1000")
        assert [value for (value,) in connection.execute(query)] == [f"{one}!" for one in odd]


def test_a_large_value_goes_in_and_comes_out(cluster: Cluster, database: str) -> None:
    phases = planned(cluster, database, {"lab.patient": (EncryptedColumn("note"),)})
    size = MEGABYTES * 1024 * 1024
    # before and after the backfill, each by another way in
    _execute(phases, f"UPDATE lab.patient SET note = repeat('0123456789abcdef', {size // 16}) WHERE id = 1")
    phases.install()
    phases.up(*UP[:6])
    with unlocked(phases.dsn) as connection:
        connection.execute("UPDATE lab.patient SET note = repeat('x', %s) WHERE id = 2", (size,))
        found = connection.execute(
            "SELECT octet_length(note), md5(note) FROM lab.patient WHERE id < 3 ORDER BY id"
        ).fetchall()
        wanted = connection.execute(
            "SELECT %(size)s, md5(repeat('0123456789abcdef', %(size)s / 16)) UNION ALL"
            " SELECT %(size)s, md5(repeat('x', %(size)s))",
            {"size": size},
        ).fetchall()
    assert found == wanted


@pytest.mark.skipif(not LONG, reason="it takes some gigabytes")
def test_a_value_that_is_too_large_is_refused_in_words(cluster: Cluster, database: str) -> None:
    phases = planned(cluster, database, {"lab.patient": (EncryptedColumn("note"),)})
    phases.install()
    phases.up(*UP[:6])
    with unlocked(phases.dsn) as connection:
        # a row that a trigger sees may not have 1 GB; a value may, but for what is added to it
        with pytest.raises(psycopg.errors.InternalError_, match="invalid memory alloc request size"):
            connection.execute("UPDATE lab.patient SET note = repeat('x', 1073741700) WHERE id = 1")
        with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="is too long to be encrypted"):
            connection.execute("SELECT length(pgguard.seal__lab__patient__note(repeat('x', 1073741700), 1))")
        assert connection.execute("SELECT note FROM lab.patient WHERE id = 1").fetchone() == ("note 1",)


# names


@pytest.mark.parametrize("form", ["view", "in-place"])
def test_every_odd_name_is_quoted(cluster: Cluster, form: Form, new_cluster: Callable[..., Cluster]) -> None:
    other = new_cluster()
    some = NAMES if LONG or form == "view" else NAMES[::4]
    with psycopg.connect(other.dsn(client_encoding="UTF8"), autocommit=True) as connection:
        for name in some:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        connection.execute("CREATE DATABASE odd")
    tables = {}
    with psycopg.connect(other.dsn(dbname="odd", client_encoding="UTF8"), autocommit=True) as connection:
        for name in some:
            for statement in (
                "CREATE SCHEMA {0}",
                "CREATE TABLE {0}.{0} ({0} text UNIQUE CONSTRAINT {0} CHECK ({0} <> {1}),"
                " {2} int, PRIMARY KEY ({2}))",
                "INSERT INTO {0}.{0} VALUES ({1} || 'x', 1), (NULL, 2)",
                "COMMENT ON COLUMN {0}.{0}.{0} IS {1}",
                "ALTER TABLE {0}.{0} OWNER TO {0}",
                "GRANT SELECT ON {0}.{0} TO {0}",
            ):
                connection.execute(
                    sql.SQL(statement).format(
                        sql.Identifier(name), sql.Literal(name), sql.Identifier(f"k {name}"[:20])
                    )
                )
            tables[qualified(name, name)] = (EncryptedColumn(name, searchable=True),)
        connection.execute("ANALYZE")
    phases = planned(other, "odd", tables, form=form)
    phases.install()
    phases.up(*(one for one in UP[:6] if phases.of(one)))
    with unlocked(other.dsn(dbname="odd", client_encoding="UTF8")) as connection:
        for name in some:
            # a name may hold a percent sign
            raw = psycopg.RawCursor(connection)
            found = raw.execute(
                f"SELECT {ident(f'k {name}'[:20])} FROM {function('find', name, name, name)}($1)".encode(),
                (f"{name}x",),
            ).fetchall()
            assert found == [(1,)], name
            table = qualified(name, name)
            statement = f"UPDATE {table} SET {ident(name)} = $1 WHERE {ident(f'k {name}'[:20])} = 1"
            with pytest.raises(psycopg.errors.CheckViolation) as violated:
                raw.execute(statement.encode(), (name,))
            assert violated.value.diag.constraint_name == name
    phases.down(
        *(one for one in ("contract", "soak", "switch", "verify", "backfill", "expand") if phases.of(one))
    )
    with psycopg.connect(other.dsn(dbname="odd", client_encoding="UTF8")) as connection:
        for name in some:
            rows = connection.execute(
                f"SELECT {ident(name)} FROM {qualified(name, name)} ORDER BY 1".encode()
            )
            assert rows.fetchall() == [(f"{name}x",), (None,)]


def test_an_insert_without_names_of_columns_leaves_nothing_in_clear(cluster: Cluster, database: str) -> None:
    """After the contract the clear column is the last one, and the encrypted one stands where it was."""
    phases = planned(cluster, database, {"lab.patient": COLUMNS}, form="in-place")
    phases.install()
    phases.up("expand", "backfill", "verify", "soak", "contract")
    with unlocked(phases.dsn) as connection:
        with pytest.raises(psycopg.Error, match="takes encrypted values, and this is none") as caught:
            connection.execute("INSERT INTO lab.patient VALUES (1000, 'N1000', '\\x', '')")
        assert "N1000" not in str(caught.value)
        # what was sealed elsewhere is taken as it is: a copy of rows comes back
        connection.execute("CREATE TABLE lab.copy AS SELECT * FROM lab.patient WHERE id = 7")
        connection.execute("DELETE FROM lab.patient WHERE id = 7")
        connection.execute("INSERT INTO lab.patient SELECT * FROM lab.copy")
        opened = "SELECT pgguard.open__lab__patient__nir(nir_pgg1, id) FROM lab.patient WHERE id = 7"
        assert connection.execute(opened).fetchone() == ("N7",)
        connection.execute("INSERT INTO lab.patient (id, nir) VALUES (1000, 'N1000')")
