"""Owners of tables, types, schemas and extensions, and who prepared a database: none gets at the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.errors import InputError
from pgguard.model.encryption import EncryptedColumn
from tests.encryption.attacks import Listener, Secrets, rights_are_right
from tests.encryption.encrypting import COLUMNS, encrypted, fill
from tests.encryption.phases import KEK, planned

if TYPE_CHECKING:
    from pgguard.demo.binaries import Postgres
    from tests.encryption.encrypting import Laboratory

# What runs as pgguard_keys could hand out every key: so nothing of anybody else's may run as it.
_TRAP = """
    CREATE FUNCTION lab.trap(text) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        RAISE NOTICE 'trapped as %', current_user;
        IF current_user = 'pgguard_keys' THEN
            RAISE NOTICE 'key %', pgguard.session_keys('pgguard.data_main');
        END IF;
        RETURN true;
    END $$;
    CREATE FUNCTION lab.trap(bytea) RETURNS boolean LANGUAGE sql AS $$ SELECT lab.trap('x'::text) $$;
"""
_NUMBER, _MOOD, _DAY, _WORDS, _CODE = (
    next(name for name, kind in COLUMNS.items() if kind == f"lab.{own}")
    for own in ("number", "mood", "day", "words", "code")
)
_VALUES = {
    _NUMBER: "'1234567890123'",
    _DAY: "'2000-01-01'",
    _WORDS: "'{a}'",
    _MOOD: "'ok'",
    _CODE: "'A'",
}
OWNERS: dict[str, tuple[str, ...]] = {
    "check of a domain": (
        "ALTER DOMAIN lab.number ADD CHECK (lab.trap(VALUE))",
        "ALTER DOMAIN lab.day ADD CHECK (lab.trap(VALUE::text))",
        "ALTER DOMAIN lab.words ADD CHECK (lab.trap(VALUE::text))",
        "ALTER DOMAIN lab.code ADD CHECK (lab.trap(VALUE::text))",
    ),
    "cast of an enum": (
        "CREATE FUNCTION lab.said(lab.mood) RETURNS text LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM lab.trap('x'::text); RETURN 'ok'; END $$",
        "CREATE CAST (lab.mood AS text) WITH FUNCTION lab.said(lab.mood) AS IMPLICIT",
        "SELECT 'ok'::lab.mood::text",
    ),
    "operators of its types": (
        "CREATE FUNCTION lab.alike(lab.mood, lab.mood) RETURNS boolean LANGUAGE sql AS"
        " $$ SELECT lab.trap('x'::text) $$",
        "CREATE OPERATOR lab.= (FUNCTION = lab.alike, LEFTARG = lab.mood, RIGHTARG = lab.mood)",
        "CREATE FUNCTION lab.alike(lab.number, lab.number) RETURNS boolean LANGUAGE sql AS"
        " $$ SELECT lab.trap('x'::text) $$",
        "CREATE OPERATOR lab.= (FUNCTION = lab.alike, LEFTARG = lab.number, RIGHTARG = lab.number)",
        "CREATE FUNCTION lab.alike(text, text) RETURNS boolean LANGUAGE sql AS"
        " $$ SELECT lab.trap('x'::text) $$",
        "CREATE OPERATOR lab.= (FUNCTION = lab.alike, LEFTARG = text, RIGHTARG = text)",
        "SELECT 'ok'::lab.mood OPERATOR(lab.=) 'ok'::lab.mood",
    ),
    "another type of the clear column": (
        "ALTER TABLE lab.every ALTER c0 TYPE lab.trapped",
        f"ALTER TABLE lab.every ALTER {_NUMBER} TYPE lab.boxed USING NULL",
        f"ALTER TABLE lab.every ALTER {_DAY} TYPE lab.boxed USING NULL",
    ),
    "another type of the stored column": ("ALTER TABLE lab.every ALTER c0_pgg1 TYPE lab.trapped_bytes",),
    "another type of the key": (
        "ALTER TABLE lab.every DROP CONSTRAINT every_pkey",
        "ALTER TABLE lab.every ALTER id TYPE lab.boxed USING ROW(id::text)::lab.boxed",
    ),
    "another type of the name": (
        "ALTER DOMAIN lab.number RENAME TO number_before",
        "CREATE DOMAIN lab.number AS lab.boxed",
        f"ALTER TABLE lab.every ALTER {_NUMBER} TYPE lab.number USING NULL",
    ),
    "its own triggers": (
        "CREATE FUNCTION lab.trapping() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM lab.trap('x'::text); RETURN NEW; END $$",
        "CREATE TRIGGER aaa BEFORE INSERT OR UPDATE ON lab.every FOR EACH ROW"
        " EXECUTE FUNCTION lab.trapping()",
        "CREATE TRIGGER zzzz BEFORE INSERT OR UPDATE ON lab.every FOR EACH ROW"
        " EXECUTE FUNCTION lab.trapping()",
        "CREATE TRIGGER zzzzz AFTER INSERT OR UPDATE ON lab.every FOR EACH ROW"
        " EXECUTE FUNCTION lab.trapping()",
    ),
    "a check, a default and an index of its own": (
        "ALTER TABLE lab.every ADD CHECK (lab.trap(c0))",
        "ALTER TABLE lab.every ADD extra boolean DEFAULT lab.trap('x'::text)",
        "CREATE FUNCTION lab.steady(bytea) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN lab.trap('x'::text); END $$",
        "CREATE INDEX ON lab.every (lab.steady(c0_pgg1))",
        "ANALYZE lab.every",
    ),
}
_BOXES = """
    CREATE TYPE lab.boxed AS (inside text);
    CREATE FUNCTION lab.unboxed(lab.boxed) RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN PERFORM lab.trap('x'::text); RETURN ($1).inside; END $$;
    CREATE FUNCTION lab.unboxed_number(lab.boxed) RETURNS bigint LANGUAGE plpgsql AS
        $$ BEGIN PERFORM lab.trap('x'::text); RETURN ($1).inside; END $$;
    CREATE FUNCTION lab.unboxed_integer(lab.boxed) RETURNS integer LANGUAGE plpgsql AS
        $$ BEGIN PERFORM lab.trap('x'::text); RETURN ($1).inside; END $$;
    CREATE FUNCTION lab.unboxed_date(lab.boxed) RETURNS date LANGUAGE plpgsql AS
        $$ BEGIN PERFORM lab.trap('x'::text); RETURN ($1).inside; END $$;
    CREATE CAST (lab.boxed AS text) WITH FUNCTION lab.unboxed(lab.boxed) AS IMPLICIT;
    CREATE CAST (lab.boxed AS bigint) WITH FUNCTION lab.unboxed_number(lab.boxed) AS IMPLICIT;
    CREATE CAST (lab.boxed AS integer) WITH FUNCTION lab.unboxed_integer(lab.boxed) AS IMPLICIT;
    CREATE CAST (lab.boxed AS date) WITH FUNCTION lab.unboxed_date(lab.boxed) AS IMPLICIT;
    CREATE DOMAIN lab.trapped AS text CHECK (lab.trap(VALUE));
    CREATE DOMAIN lab.trapped_bytes AS bytea CHECK (lab.trap(VALUE));
"""


@pytest.fixture(scope="module")
def owned(running: Cluster) -> Laboratory:
    """In place, where the owner reads nothing."""
    return encrypted(running, "owned", form="in-place", readers=("biologist",))


@pytest.mark.parametrize("name", list(OWNERS))
def test_owners_of_tables_and_types_get_no_key(owned: Laboratory, name: str) -> None:
    """Whatever the owner makes of its table and types, nothing of it runs with the rights of pgguard_keys."""
    keys = Secrets.of(owned)
    with owned.session("lab_owner") as session, session.transaction(force_rollback=True):
        listener = Listener(session)
        session.execute(_TRAP.encode())
        session.execute(_BOXES.encode())
        # a type that a trigger's condition names cannot be changed; the trigger of INSERT has none
        session.execute("DROP TRIGGER zzz_pgguard_seal_update ON lab.every")
        for statement in OWNERS[name]:
            session.execute(statement.encode())
        kinds: dict[str, str] = dict(
            session.execute(
                "SELECT attname, atttypid::regtype::text FROM pg_attribute"
                " WHERE attrelid = 'lab.every'::regclass"
            ).fetchall()
        )
        values = {"id": "4711", "c0": "'x'", **_VALUES}
        for column, kind in kinds.items():
            if column in values and (kind == "lab.boxed" or (column == _NUMBER and "name" in name)):
                values[column] = "ROW('4711')::lab.boxed"
        for chosen in (list(values), *(["id", one] for one in values if one != "id")):
            given = ", ".join(values[one] for one in chosen)
            _tried(listener, f"INSERT INTO lab.every ({', '.join(chosen)}) VALUES ({given})")
        # without the trigger's condition it can come back
        for one in values:
            _tried(listener, f"UPDATE lab.every SET {one} = {values[one]}")
        assert "trapped as lab_owner" in listener.heard or "42804" in listener.states
        assert "trapped as pgguard_keys" not in listener.heard
        assert keys.keys_in(listener.heard) == []


def _tried(listener: Listener, statement: str) -> None:
    # in a savepoint of its own
    listener.connection.execute("SAVEPOINT tried")
    listener.run(statement)
    listener.connection.execute("ROLLBACK TO SAVEPOINT tried")


def test_the_trap_works(owned: Laboratory) -> None:
    """The control: run by pgguard_keys it gives the key away."""
    with owned.session() as session, session.transaction(force_rollback=True):
        listener = Listener(session)
        session.execute(_TRAP.encode())
        session.execute("SET LOCAL SESSION AUTHORIZATION DEFAULT")
        session.execute("SET LOCAL ROLE pgguard_keys")
        listener.run("SELECT lab.trap('x'::text)")
        assert "trapped as pgguard_keys" in listener.heard
        assert Secrets.of(owned).keys_in(listener.heard)


def _installed(cluster: Cluster, database: str, before: str) -> Laboratory:
    """A laboratory in a database that somebody prepared before encryption was installed."""
    fill(cluster, database)
    with psycopg.connect(cluster.dsn(dbname=database), autocommit=True) as connection:
        connection.execute(before.encode())
    return encrypted(cluster, database, filled=True)


def test_default_privileges_open_nothing(running: Cluster) -> None:
    """Default privileges of whoever installs are common; they may not give away what is installed."""
    lab = _installed(
        running,
        "generous",
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO clerk, PUBLIC;"
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO clerk, PUBLIC;"
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO clerk, PUBLIC;"
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO clerk, PUBLIC;",
    )
    rights_are_right(lab)
    secrets = Secrets.of(lab)
    with lab.session("clerk") as session:
        listener = Listener(session)
        listener.run(
            "TABLE pgguard.installation",
            "TABLE pgguard.key",
            "SELECT pgguard.session_keys('pgguard.data_main')",
            "CREATE FUNCTION pgguard.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            f"SELECT pgguard.open__lab__patient__nir(nir_pgg1, id) FROM {lab.storage}",
        )
        assert set(listener.states) == {"42501"}
        assert secrets.keys_in(listener.heard) == []


def test_nothing_is_installed_into_a_schema_of_somebody_else(running: Cluster) -> None:
    for number, before in enumerate(
        (
            "CREATE SCHEMA pgguard AUTHORIZATION intruder",
            "CREATE SCHEMA pgguard; GRANT CREATE ON SCHEMA pgguard TO intruder; SET ROLE intruder;"
            "CREATE TABLE pgguard.installation (only_one boolean, id uuid, secret bytea)",
            "CREATE SCHEMA pgguard; GRANT CREATE, USAGE ON SCHEMA pgguard TO intruder; SET ROLE intruder;"
            "CREATE FUNCTION pgguard.hold(text, bytea) RETURNS text LANGUAGE sql AS 'SELECT 1'",
        )
    ):
        with pytest.raises(psycopg.Error, match="belongs to intruder"):
            _installed(running, f"foreign_{number}", before)


def test_pgcrypto_cannot_be_exchanged(running: Cluster) -> None:
    """pgcrypto may be another's: he can drop it with what uses it, and not put something in its place."""
    fill(running, "borrowed")
    with psycopg.connect(running.dsn(dbname="borrowed"), autocommit=True) as connection:
        connection.execute(
            "GRANT CREATE ON DATABASE borrowed TO intruder; GRANT USAGE ON SCHEMA intruder TO PUBLIC"
        )
        connection.execute("SET ROLE intruder")
        connection.execute("CREATE EXTENSION pgcrypto SCHEMA intruder")
    lab = encrypted(running, "borrowed", filled=True)
    mine = (
        "CREATE FUNCTION intruder.hmac(bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE NOTICE 'key %', $2; RETURN $2; END $$",
        "CREATE FUNCTION intruder.encrypt_iv(bytea, bytea, bytea, text) RETURNS bytea LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE NOTICE 'key %', $2; RETURN $2; END $$",
        "CREATE FUNCTION intruder.hmac(bytea, bytea, name) RETURNS bytea LANGUAGE sql AS 'SELECT $2'",
    )
    with lab.session("intruder") as session:
        listener = Listener(session)
        listener.run("DROP EXTENSION pgcrypto", "DROP FUNCTION intruder.hmac(bytea, bytea, text)", *mine)
        assert "2BP01" in listener.states
    with lab.session("biologist") as session:
        listener = Listener(session)
        listener.run("SELECT nir FROM lab.patient", "UPDATE lab.patient SET note = 'x' WHERE id = 1")
        assert Secrets.of(lab).keys_in(listener.heard) == []
        assert lab.read(session) == lab.kept()
    with lab.session("intruder", kek=None) as session, lab.session("biologist") as reader:
        lab.read(reader)
        Listener(session).run("DROP EXTENSION pgcrypto CASCADE", *mine)
        listener = Listener(reader)
        listener.run(
            "SELECT nir FROM lab.patient",
            "UPDATE lab.patient SET note = 'x' WHERE id = 1",
            "SELECT pgguard.unlock(%b)",
        )
        listener.run("SELECT pgguard.unlock(%b)", values=(KEK,))
        assert "key " not in listener.heard


def test_rights_on_single_columns_are_refused_behind_a_view(running: Cluster) -> None:
    lab = encrypted(running, "columns", through="")
    lab.superuser(
        "GRANT SELECT (id, name), UPDATE (name) ON lab.patient TO intruder;"
        "GRANT UPDATE ON lab.every TO intruder"
    )
    for table, told in (
        ("lab.patient", "intruder has UPDATE on single columns"),
        ("lab.every", "intruder has UPDATE without"),
    ):
        columns: dict[str, tuple[EncryptedColumn, ...]] = {
            table: (EncryptedColumn("note" if table == "lab.patient" else "c0"),)
        }
        with pytest.raises(InputError, match=told):
            planned(running, lab.database, columns)
        assert planned(running, lab.database, columns, form="in-place").files
        assert planned(running, lab.database, columns, acknowledged=["column-grants"]).files


def test_the_role_of_the_keys_may_not_log_in(postgres: Postgres) -> None:
    if postgres.major < 14:
        pytest.skip("encryption needs PostgreSQL 14")
    with Cluster.start(postgres) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE pgguard_keys LOGIN")
        with pytest.raises(psycopg.Error, match="pgguard_keys can log in"):
            encrypted(cluster)
