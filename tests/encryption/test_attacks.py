"""Those who may not read: everything that they can try, and that it tells them neither a value nor a key.

Each attack is a list of statements that an attacker's session runs one by one, whatever fails. All that comes
back is kept: rows, notices, every field of errors, what its own functions were given. None of it may hold a
secret. Where the same statements would give values to a reader, a reader runs them as the control.
"""

from __future__ import annotations

import base64
import os
import re
from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest
from psycopg import sql

from pgguard.demo.cluster import Cluster
from pgguard.errors import InputError
from pgguard.model.encryption import EncryptedColumn
from tests.encryption.encrypting import COLUMNS, encrypted, fill
from tests.encryption.phases import KEK, planned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.demo.binaries import Postgres
    from tests.encryption.encrypting import Laboratory

# what an attack makes the server say when a guess was right: 'hi' || 't!'
HIT = "hit!"


def forms(secret: bytes | str) -> set[str]:
    """How bytes may be written: as text, hexadecimal, base64, escaped, and as the constants of printed plans are."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        "".join(chr(one) if 32 <= one < 127 and one != 92 else f"\\{one:03o}" for one in raw),
        " ".join(str(one - 256 if one > 127 else one) for one in raw),
        repr(raw)[2:-1],
    }
    return {*found, secret} if isinstance(secret, str) else found


class Secrets(NamedTuple):
    """What must not be learnt: values in clear, and keys, each in all its spellings."""

    values: set[str]
    keys: set[str]

    @classmethod
    def of(cls, lab: Laboratory) -> Secrets:
        """Those of a laboratory."""
        clear = {
            str(value) for name in ("nir", "phone", "note") for value in lab.kept(name).values() if value
        }
        clear |= {day for day in map(str, lab.kept("born").values()) if not day.endswith("01-01")}
        clear |= {value["allele"] for value in lab.kept("data").values()}  # type: ignore[index]
        keys = [*lab.keys().values(), KEK]
        return cls(
            {form for one in clear for form in forms(one)}, {form for key in keys for form in forms(key)}
        )

    def values_in(self, heard: str) -> list[str]:
        """The values that were learnt."""
        return [one for one in (*self.values, HIT) if one in heard]

    def keys_in(self, heard: str) -> list[str]:
        """The keys that were learnt."""
        lowered = heard.lower()
        return [one for one in self.keys if one in heard or one in lowered]


class Listener:
    """A session that keeps everything it is told."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.told: list[str] = []
        self.states: list[str] = []
        connection.add_notice_handler(self._diagnosed)

    def _diagnosed(self, diag: psycopg.errors.Diagnostic) -> None:
        fields = (name for name in dir(diag) if not name.startswith("_"))
        self.told += [str(value) for name in fields if isinstance(value := getattr(diag, name), str)]

    def run(self, *statements: str, values: Iterable[object] = ()) -> None:
        """Each statement, whatever became of those before."""
        for statement in statements:
            try:
                if statement.startswith("COPY ") and "STDOUT" in statement:
                    with self.connection.cursor().copy(statement.encode()) as copy:
                        self.told += [bytes(one).decode("utf-8", "replace") for one in copy]
                    continue
                cursor = self.connection.execute(statement.encode(), tuple(values) or None)
                if cursor.description:
                    self.told += [str(row) for row in cursor.fetchall()]
            except psycopg.Error as error:
                self.states.append(error.sqlstate or "?")
                self._diagnosed(error.diag)
            else:
                self.states.append("")

    @property
    def heard(self) -> str:
        """All of it."""
        return "\n".join(self.told)


@pytest.fixture(scope="module")
def running(postgres: Postgres) -> Iterator[Cluster]:
    """A cluster for the databases of this module."""
    if postgres.major < 14:
        pytest.skip("encryption needs PostgreSQL 14")
    with Cluster.start(postgres) as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["view", "in-place"])
def lab(running: Cluster, request: pytest.FixtureRequest) -> Laboratory:
    """Encrypted in each form; what all attackers make for themselves is there."""
    laboratory = encrypted(running, f"clinic_{request.param[:2]}", form=request.param)
    for role in ("biologist", "clerk", "secretary", "intruder"):
        with laboratory.session(role) as session:
            session.execute(re.sub(r"\bME\b", role, _TOOLS).encode())
    laboratory.superuser("GRANT TEMPORARY ON DATABASE " + laboratory.database + " TO PUBLIC")
    return laboratory


@pytest.fixture(scope="module")
def secrets(lab: Laboratory) -> Secrets:
    """What must not be learnt of it."""
    return Secrets.of(lab)


# functions that tell what they are given, and are as cheap as can be, so that the planner calls them first
_TOOLS = r"""
    CREATE TABLE ME.heard (what text);
    CREATE FUNCTION ME.hear(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
    BEGIN
        RAISE NOTICE 'heard % as %', $1, current_user;
        RETURN true;
    END $$;
    CREATE FUNCTION ME.hear(bytea) RETURNS boolean LANGUAGE sql COST 0.0000001 AS
        $$ SELECT ME.hear(encode($1, 'hex')) $$;
    CREATE FUNCTION ME.same(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
    BEGIN
        RETURN ME.hear($1) AND ME.hear($2);
    END $$;
    CREATE FUNCTION ME.same(bytea, bytea) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
    BEGIN
        RETURN ME.hear($1) AND ME.hear($2);
    END $$;
    CREATE FUNCTION ME.both(bytea, bytea) RETURNS bytea LANGUAGE plpgsql COST 0.0000001 AS $$
    BEGIN
        PERFORM ME.hear($1), ME.hear($2);
        RETURN pg_catalog.byteacat($1, $2);
    END $$;
    CREATE OPERATOR ME.= (FUNCTION = ME.same, LEFTARG = text, RIGHTARG = text);
    CREATE OPERATOR ME.<> (FUNCTION = ME.same, LEFTARG = text, RIGHTARG = text);
    CREATE OPERATOR ME.= (FUNCTION = ME.same, LEFTARG = bytea, RIGHTARG = bytea);
    CREATE OPERATOR ME.<> (FUNCTION = ME.same, LEFTARG = bytea, RIGHTARG = bytea);
    CREATE OPERATOR ME.|| (FUNCTION = ME.both, LEFTARG = bytea, RIGHTARG = bytea);
    CREATE FUNCTION ME.sha256(bytea) RETURNS bytea LANGUAGE plpgsql AS $$
    BEGIN PERFORM ME.hear($1); RETURN pg_catalog.sha256($1); END $$;
    CREATE FUNCTION ME.substr(bytea, int, int) RETURNS bytea LANGUAGE plpgsql AS $$
    BEGIN PERFORM ME.hear($1); RETURN pg_catalog.substr($1, $2, $3); END $$;
    CREATE FUNCTION ME.convert_from(bytea, name) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN PERFORM ME.hear($1); RETURN pg_catalog.convert_from($1, $2); END $$;
    CREATE FUNCTION ME.current_setting(text, boolean) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RETURN ME.hear(pg_catalog.current_setting($1, $2)); END $$;
    CREATE FUNCTION ME.has_function_privilege(regprocedure, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE DOMAIN ME.told AS text CHECK (ME.hear(VALUE));
    CREATE DOMAIN ME.told_bytes AS bytea CHECK (ME.hear(VALUE));
    CREATE TYPE ME.pair AS (a text);
    CREATE FUNCTION ME.caught(text) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        a text; b text; c text; d text;
    BEGIN
        EXECUTE $1 INTO a;
        RETURN a;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS a = MESSAGE_TEXT, b = PG_EXCEPTION_DETAIL, c = PG_EXCEPTION_HINT, d = PG_EXCEPTION_CONTEXT;
        RETURN concat_ws('|', a, b, c, d);
    END $$;
    CREATE FUNCTION ME.in_my_name(text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN RETURN ME.caught($1); END $$;
    GRANT USAGE ON SCHEMA ME TO PUBLIC;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ME TO PUBLIC;
"""


class Attack(NamedTuple):
    """Statements, and whether they give values to a reader. ME is the attacker, NIR and ID what the form has:
    the clear value and its table; GUESS a value that is there."""

    statements: tuple[str, ...]
    reader_learns: bool = True


ATTACKS: dict[str, Attack] = {
    "select": Attack(
        (
            "SELECT NIR, PHONE, BORN, NOTE, DATA FROM lab.patient",
            "SELECT p FROM lab.patient AS p",
            "SELECT to_jsonb(p) FROM lab.patient AS p",
            "TABLE lab.patient",
            "SELECT string_agg(NIR, ',') FROM lab.patient",
            "SELECT max(NIR) FROM lab.patient GROUP BY NIR HAVING count(*) > 0",
        )
    ),
    "storage": Attack(
        (
            "TABLE lab.patient_pgg1",
            "SELECT nir, nir_pgg1, nir_find FROM STORED",
            "SELECT encode(nir_pgg1, 'escape'), convert_from(nir_pgg1, 'LATIN1') FROM STORED",
            "SELECT * FROM STORED WHERE ctid = '(0,1)'",
            "SELECT currtid2('STORED', '(0,1)')",
            "COPY STORED TO STDOUT",
        ),
        reader_learns=False,
    ),
    "guess": Attack(
        (
            "SELECT 'hi' || 't!' FROM lab.patient WHERE NIR = 'GUESS'",
            "SELECT 'hi' || 't!' FROM lab.patient WHERE NIR LIKE 'GUES%'",
            "SELECT 'hi' || 't!' FROM lab.patient WHERE NIR ~ '^1' AND NIR > '0'",
            "SELECT 'hi' || 't!' FROM lab.patient WHERE NIR IN (SELECT 'GUESS')",
            "SELECT 'hi' || 't!' FROM pgguard.find__lab__patient__nir('GUESS') AS f",
            "SELECT 'hi' || 't!' FROM STORED WHERE nir_find = pgguard.blind__lab__patient__nir('GUESS')",
            "SELECT 'hi' || 't!' FROM lab.patient AS p JOIN (SELECT 'GUESS') AS g (v) ON p.id > 0 AND NIR = g.v",
        )
    ),
    "leaking functions": Attack(
        (
            "SELECT id FROM lab.patient WHERE ME.hear(NIR)",
            "SELECT id FROM lab.patient WHERE ME.hear(NIR) AND false",
            "SELECT id FROM lab.patient WHERE id < 0 OR ME.hear(NIR)",
            "SELECT id FROM lab.patient WHERE name = 'x' AND ME.hear(NIR)",
            "SELECT id FROM lab.patient WHERE ME.hear(nir_pgg1) AND ME.hear(NIR)",
            "SELECT id FROM lab.patient ORDER BY ME.hear(NIR)",
            "SELECT count(*) FROM lab.patient AS p, LATERAL (SELECT ME.hear(NIR) OFFSET 0) AS x",
        )
    ),
    "leaking operators": Attack(
        (
            "SELECT id FROM lab.patient WHERE NIR OPERATOR(ME.=) 'x'",
            "SELECT id FROM lab.patient AS p WHERE (NIR)::text OPERATOR(ME.<>) 'x'",
            "SELECT id FROM STORED WHERE nir_find OPERATOR(ME.=) nir_pgg1",
        )
    ),
    "shadowed names": Attack(
        (
            "SET search_path = ME, pg_temp, pg_catalog, lab, pgguard",
            "SELECT NIR FROM lab.patient",
            "SELECT * FROM lab.patient WHERE NIR = 'x'",
            "SELECT * FROM pgguard.find__lab__patient__nir('GUESS')",
            "SELECT pgguard.unlock(%b)",
            "SELECT pgguard.open__lab__patient__nir(nir_pgg1, id) FROM STORED",
            "SELECT pgguard.mask__lab__patient__phone(phone_pgg1, id) FROM STORED",
            "UPDATE lab.patient SET name = name",
            "BEGIN",
            "INSERT INTO lab.patient (id, name, nir) VALUES (500, 'x', '999999999999999')",
            "ROLLBACK",
            "SET search_path = pg_temp, ME, pg_catalog",
            "CREATE TEMPORARY TABLE installation (id uuid, secret bytea, host_key_file text)",
            "CREATE TEMPORARY TABLE key (id int, key_group text)",
            "CREATE TYPE pg_temp.text AS (a int)",
            "CREATE FUNCTION pg_temp.hmac_sha512(bytea, bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $2'",
            "SELECT NIR FROM lab.patient",
            "DROP TYPE pg_temp.text",
            "SELECT NIR FROM lab.patient",
        )
    ),
    "own casts and types": Attack(
        (
            "SELECT NIR::ME.told FROM lab.patient",
            "SELECT ROW(NIR)::ME.pair FROM lab.patient",
            "SELECT pgguard.open__lab__patient__nir(nir_pgg1::ME.told_bytes, id) FROM STORED",
            "SELECT pgguard.show__lab__patient__nir(nir_pgg1::ME.told_bytes, id) FROM STORED",
            "SELECT pgguard.mask__lab__patient__phone(phone_pgg1::ME.told_bytes, id) FROM STORED",
            "SELECT NIR::int FROM lab.patient",
            "SELECT NIR::date, NIR::jsonb FROM lab.patient",
            "SELECT 1 / (length(NIR) - 15) FROM lab.patient",
            "SELECT ('x' || NIR)::int FROM lab.patient",
        )
    ),
    "own views and functions": Attack(
        (
            "CREATE VIEW ME.v AS SELECT id, NIR AS v FROM lab.patient",
            "SELECT v FROM ME.v",
            "CREATE VIEW ME.w WITH (security_barrier) AS SELECT id, NIR AS v FROM lab.patient WHERE ME.hear(NIR)",
            "SELECT * FROM ME.w",
            "CREATE VIEW ME.x WITH (security_invoker) AS SELECT id, NIR AS v FROM lab.patient",
            "SELECT * FROM ME.x",
            "CREATE MATERIALIZED VIEW ME.m AS SELECT id, NIR AS v FROM lab.patient",
            "SELECT * FROM ME.m",
            "CREATE TABLE ME.t AS SELECT id, NIR AS v FROM lab.patient",
            "SELECT * FROM ME.t",
            "CREATE FUNCTION ME.f() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT NIR FROM lab.patient'",
            "SELECT ME.f()",
            "SELECT ME.in_my_name('SELECT string_agg(NIR, '','') FROM lab.patient')",
            "SELECT ME.caught('SELECT NIR::int FROM lab.patient')",
            "SELECT ME.caught('SELECT pgguard.open__lab__patient__nir(nir_pgg1, -id)::int FROM STORED')",
            "CREATE INDEX ON ME.t (ME.hear(v))",
            "CREATE STATISTICS ME.s ON (ME.hear(v)), id FROM ME.t",
            "ANALYZE ME.t",
            "SELECT * FROM pg_stats WHERE schemaname = 'ME'",
        )
    ),
    "own triggers, defaults and rules": Attack(
        (
            "CREATE TABLE ME.d (id bigint, stored bytea, clear text DEFAULT"
            " pgguard.open__lab__patient__nir((SELECT nir_pgg1 FROM STORED WHERE id = 1), 1))",
            "CREATE TABLE ME.e (id bigint, stored bytea, nir text, nir_pgg1 bytea, nir_find bytea, name text,"
            " phone text, note text, born date, data jsonb)",
            "CREATE TRIGGER x BEFORE INSERT ON ME.e FOR EACH ROW EXECUTE FUNCTION pgguard.seal__lab__patient()",
            "CREATE TRIGGER y BEFORE INSERT ON ME.e FOR EACH ROW EXECUTE FUNCTION pgguard.write__lab__patient()",
            "INSERT INTO ME.e (id, nir_pgg1) SELECT id, nir_pgg1 FROM STORED RETURNING nir",
            "CREATE TRIGGER x BEFORE UPDATE ON STORED FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "CREATE RULE r AS ON SELECT TO lab.patient DO INSTEAD SELECT 1",
            "ALTER TABLE STORED ADD CHECK (ME.hear(nir))",
            "CREATE POLICY p ON STORED USING (ME.hear(nir))",
            "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION ME.f()",
            "CREATE OR REPLACE FUNCTION pgguard.normal_exact(value text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
            "CREATE FUNCTION pgguard.hear(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
            "ALTER FUNCTION pgguard.show__lab__patient__nir(bytea, bigint) SECURITY DEFINER",
            "ALTER DOMAIN lab.number ADD CHECK (ME.hear(VALUE))",
            "CREATE CAST (lab.mood AS text) WITH FUNCTION ME.hear(text)",
        ),
        reader_learns=False,
    ),
    "plans and debugging": Attack(
        (
            "SET client_min_messages = log",
            "SET debug_print_plan = on",
            "SET debug_print_parse = on",
            "SET debug_print_rewritten = on",
            "SET plan_cache_mode = force_custom_plan",
            "SET plpgsql.print_strict_params = on",
            "SET plpgsql.extra_warnings = 'all'",
            "SET plpgsql.extra_errors = 'all'",
            "SET plpgsql.variable_conflict = use_variable",
            "SET log_statement_stats = on",
            "SET jit = on",
            "SET jit_above_cost = 0",
            "SELECT NIR, PHONE FROM lab.patient",
            "SELECT pgguard.open__lab__patient__nir(nir_pgg1, id) FROM STORED",
            "SELECT pgguard.mask__lab__patient__phone(phone_pgg1, id) FROM STORED",
            "SELECT pgguard.find__lab__patient__nir('GUESS')",
            "UPDATE lab.patient SET name = name",
            "EXPLAIN (ANALYZE, VERBOSE, SETTINGS) SELECT NIR FROM lab.patient",
            "EXPLAIN (ANALYZE, VERBOSE) SELECT pgguard.open__lab__patient__nir(nir_pgg1, 1) FROM STORED WHERE id = 1",
            "EXPLAIN (ANALYZE, VERBOSE) UPDATE lab.patient SET nir = NIR || ''",
            "PREPARE p (bigint) AS SELECT NIR FROM lab.patient WHERE id = $1",
            "EXPLAIN (ANALYZE, VERBOSE) EXECUTE p (1)",
            "EXECUTE p (1)",
            "SELECT * FROM pg_prepared_statements",
            "SELECT * FROM pg_cursors",
            "SHOW ALL",
            "SELECT * FROM pg_settings WHERE name LIKE 'pgguard.%%'",
        )
    ),
    "catalog": Attack(
        (
            "SELECT * FROM pg_stats WHERE schemaname IN ('lab', 'pgguard')",
            "SELECT * FROM pg_stats_ext_exprs",
            "SELECT * FROM pg_statistic",
            "SELECT prosrc, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'pgguard'::regnamespace",
            "SELECT pg_get_viewdef(oid) FROM pg_class WHERE relkind = 'v' AND relnamespace = 'lab'::regnamespace",
            "SELECT * FROM pg_stat_activity",
            "SELECT pg_stat_get_activity(NULL)",
            "SELECT * FROM pg_db_role_setting",
            "SELECT * FROM pgguard.key",
            "SELECT * FROM pgguard.kek",
            "SELECT secret FROM pgguard.installation",
            "COPY pgguard.installation TO STDOUT",
            "SELECT * FROM pgguard.encrypted_column",
            "SELECT * FROM pgguard.encrypted_storage",
            "SELECT lo_import('/etc/passwd')",
            "SELECT pg_read_binary_file('PG_VERSION')",
            "SELECT pg_relation_filepath('STORED')",
        ),
        reader_learns=False,
    ),
    "cursors and copies": Attack(
        (
            "DECLARE held CURSOR WITH HOLD FOR SELECT NIR FROM lab.patient",
            "FETCH ALL FROM held",
            "BEGIN",
            "DECLARE c SCROLL CURSOR FOR SELECT NIR FROM lab.patient",
            "FETCH 3 FROM c",
            "FETCH BACKWARD 2 FROM c",
            "COMMIT",
            "COPY (SELECT NIR, PHONE FROM lab.patient) TO STDOUT",
            "COPY (SELECT * FROM lab.patient) TO STDOUT (FORMAT csv)",
            "COPY lab.patient TO STDOUT",
            "COPY (SELECT NIR FROM lab.patient) TO '/tmp/never'",
            "COPY (SELECT NIR FROM lab.patient) TO PROGRAM 'cat'",
        )
    ),
    "writing": Attack(
        (
            "BEGIN",
            "UPDATE lab.patient SET name = 'w' RETURNING NIR, PHONE, NOTE",
            "ROLLBACK",
            "BEGIN",
            "UPDATE lab.patient SET name = NIR RETURNING name",
            "SELECT name FROM lab.patient",
            "ROLLBACK",
            "BEGIN",
            "UPDATE STORED SET name = encode(nir_pgg1, 'hex')",
            "ROLLBACK",
            "BEGIN",
            "UPDATE STORED SET phone_pgg1 = nir_pgg1, note_pgg1 = nir_pgg1",
            "SELECT PHONE, NOTE FROM lab.patient",
            "ROLLBACK",
            "BEGIN",
            "UPDATE lab.patient SET id = id + 5000 RETURNING NIR",
            "ROLLBACK",
            "BEGIN",
            "DELETE FROM lab.patient RETURNING NIR",
            "ROLLBACK",
            "BEGIN",
            "INSERT INTO lab.patient (id, name) SELECT id, 'x' FROM lab.patient ON CONFLICT (id) DO UPDATE"
            " SET name = excluded.name RETURNING NIR",
            "ROLLBACK",
            "BEGIN",
            "MERGE INTO lab.patient AS p USING (SELECT 1 AS one) AS s ON p.id = s.one"
            " WHEN MATCHED THEN UPDATE SET name = NIR",
            "SELECT name FROM lab.patient",
            "ROLLBACK",
            "BEGIN",
            "WITH changed AS (UPDATE lab.patient SET note = NIR RETURNING id, NOTE AS n) SELECT n FROM changed",
            "ROLLBACK",
            "INSERT INTO lab.patient (id, name) VALUES (1, 'x')",
            "INSERT INTO lab.patient (id) VALUES (600)",
            "BEGIN",
            "INSERT INTO lab.patient (id, name) SELECT 601, NIR FROM lab.patient WHERE id = 1 RETURNING name",
            "ROLLBACK",
        ),
    ),
    "other roles": Attack(
        (
            "SET ROLE biologist_",
            "SET ROLE pgguard_keys",
            "SET ROLE postgres",
            "SET ROLE lab_owner",
            "SET SESSION AUTHORIZATION lab_owner",
            "SET SESSION AUTHORIZATION postgres",
            "GRANT pgguard_keys TO ME",
            "GRANT lab_owner TO ME",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgguard TO ME",
            "ALTER ROLE ME SUPERUSER",
            "ALTER FUNCTION pgguard.session_keys(text) OWNER TO ME",
            "SELECT pgguard.session_keys('pgguard.data_main')",
            "SELECT pgguard.planned_keys('pgguard.data_main')",
            "SELECT pgguard.open_keys(%b)",
            "SELECT pgguard.wrap_key(%b)",
            "SELECT pgguard.new_kek(%b)",
            "SELECT pgguard.host_key()",
        ),
        reader_learns=False,
    ),
    "parallel": Attack(
        (
            "SET max_parallel_workers_per_gather = 4",
            "SET parallel_setup_cost = 0",
            "SET parallel_tuple_cost = 0",
            "SET min_parallel_table_scan_size = 0",
            "SET force_parallel_mode = on",
            "SET debug_parallel_query = on",
            "ALTER FUNCTION ME.hear(text) PARALLEL SAFE",
            "SELECT NIR FROM lab.patient",
            "SELECT count(*) FROM lab.patient WHERE ME.hear(NIR)",
            "SELECT max(NIR) FROM lab.patient",
            "SELECT pgguard.mask__lab__patient__phone(phone_pgg1, id) FROM STORED",
        )
    ),
    "failures": Attack(
        (
            "SELECT NIR, 1 / 0 FROM lab.patient",
            "SELECT pgguard.open__lab__patient__nir(nir_pgg1, id + 1) FROM STORED",
            "SELECT pgguard.open__lab__patient__nir(phone_pgg1, id) FROM STORED",
            "SELECT pgguard.mask__lab__patient__phone(nir_pgg1, id) FROM STORED",
            "SELECT pgguard.mask__lab__patient__born(phone_pgg1, id) FROM STORED",
            "SELECT pgguard.mask__lab__patient__phone(set_byte(phone_pgg1, 30, 1), id) FROM STORED",
            "SELECT pgguard.show__lab__patient__nir('x', 1)",
            "SELECT pgguard.unlock(NULL)",
            "SELECT pgguard.unlock('x')",
            "SELECT pgguard.unlock(sha256('x'))",
            "SELECT repeat(NIR, 100000000) FROM lab.patient",
            "SET statement_timeout = 1",
            "SELECT NIR, pg_sleep(1) FROM lab.patient",
            "RESET statement_timeout",
        ),
        reader_learns=False,
    ),
}


def _spelled(lab: Laboratory, statement: str, role: str) -> str:
    guess = str(lab.kept()[1])
    words = {"ME": role, "STORED": lab.storage, "GUESS": guess, "GUES": guess[:-1]}
    words |= {name.upper(): lab.shown(name) for name in ("nir", "phone", "born", "note", "data")}
    return re.sub(r"\b(?:" + "|".join(words) + r")\b", lambda found: words[found[0]], statement)


def _attacked(lab: Laboratory, attack: Attack, role: str, kek: bytes | None) -> Listener:
    with lab.session(role, kek=kek) as session:
        listener = Listener(session)
        for statement in attack.statements:
            values = (KEK,) if "%b" in statement else ()
            text = _spelled(lab, statement, role)
            listener.run(text if values else text.replace("%%", "%"), values=values)
        if session.info.transaction_status:
            session.execute("ROLLBACK")
        listener.run(f"SELECT * FROM {role}.heard")
    # what it made goes, so that the next attack finds everything as it was
    with lab.session(role, kek=None) as session:
        rows = session.execute(
            "SELECT CASE relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, relname"
            " FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'v', 'm')"
            " AND relname <> 'heard'",
            (role,),
        ).fetchall()
        for kind, name in rows:
            session.execute(f"DROP {kind} IF EXISTS {role}.{name} CASCADE".encode())
        session.execute(f"DROP FUNCTION IF EXISTS {role}.f()".encode())
    return listener


# each role with every attack takes minutes: otherwise the one that has the most rights stands for all
ROLES = ["clerk", "secretary", "intruder"] if "PGGUARD_LONG" in os.environ else ["secretary"]


@pytest.mark.parametrize("name", list(ATTACKS))
@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_learnt(lab: Laboratory, secrets: Secrets, name: str, role: str) -> None:
    for kek in (KEK, None):
        listener = _attacked(lab, ATTACKS[name], role, kek)
        assert secrets.values_in(listener.heard) == []
        assert secrets.keys_in(listener.heard) == []
        assert "as pgguard_keys" not in listener.heard
    # nothing of what was tried stayed
    with lab.session("biologist") as session:
        assert lab.read(session) == lab.kept()


@pytest.mark.parametrize("name", list(ATTACKS))
def test_a_reader_gets_values_and_no_key(lab: Laboratory, secrets: Secrets, name: str) -> None:
    """The control: who may read gets the values by the same statements, and still no key."""
    relations = ", ".join(dict.fromkeys(("lab.patient", lab.storage)))
    rights = f"INSERT, UPDATE, DELETE ON {relations}"
    lab.superuser(f"GRANT {rights} TO biologist")
    listener = _attacked(lab, ATTACKS[name], "biologist", KEK)
    lab.superuser(f"REVOKE {rights} FROM biologist")
    if ATTACKS[name].reader_learns:
        assert secrets.values_in(listener.heard)
    assert secrets.keys_in(listener.heard) == []
    assert "as pgguard_keys" not in listener.heard


def test_locked_readers_get_nothing(lab: Laboratory, secrets: Secrets) -> None:
    for name, attack in ATTACKS.items():
        if name in ("shadowed names", "plans and debugging"):
            # the one unlocks, the other is long and tried by those who may not read
            continue
        listener = _attacked(lab, attack, "biologist", None)
        assert secrets.values_in(listener.heard) == [], name
        assert secrets.keys_in(listener.heard) == [], name


def test_who_may_call_what(lab: Laboratory) -> None:
    """Every function of the schema, by the rights of each role; nothing else is for anybody."""
    for role in ("clerk", "secretary", "intruder", "biologist"):
        allowed = {"unlock", "lock", "has_keys"}
        kinds = {"show", "mask", "find"} | ({"open", "blind"} if role == "biologist" else set())
        rows = lab.superuser(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'pgguard'::regnamespace"
            " AND has_function_privilege(%s, oid, 'EXECUTE')",
            role,
        )
        callable_ = {name for (name,) in rows}
        assert allowed <= callable_
        # trigger functions can only be called by a trigger
        rest = {name for name in callable_ - allowed if name.partition("__")[0] not in kinds}
        assert rest <= {"write__lab__patient", "write__lab__every"}, role
    rights = lab.superuser(
        "SELECT c.relname, r.rolname FROM pg_class AS c CROSS JOIN pg_roles AS r"
        " WHERE c.relnamespace = 'pgguard'::regnamespace AND c.relkind IN ('r', 'v')"
        " AND r.rolname IN ('clerk', 'secretary', 'intruder', 'biologist', 'lab_owner')"
        " AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
    )
    assert rights == []
    assert (
        lab.superuser(
            "SELECT r.rolname FROM pg_roles AS r WHERE NOT r.rolsuper AND r.rolname <> 'pgguard_keys'"
            " AND (has_schema_privilege(r.oid, 'pgguard', 'CREATE') OR pg_has_role(r.oid, 'pgguard_keys', 'MEMBER'))"
        )
        == []
    )


@pytest.mark.parametrize("role", ROLES)
def test_every_function_with_every_argument(lab: Laboratory, secrets: Secrets, role: str) -> None:
    rows = lab.superuser(
        "SELECT oid::regprocedure::text, prokind FROM pg_proc WHERE pronamespace = 'pgguard'::regnamespace"
    )
    ((nir, born, phone, index),) = lab.superuser(
        f"SELECT nir_pgg1, born_pgg1, phone_pgg1, nir_find FROM {lab.storage} WHERE id = 1"
    )
    guess = str(lab.kept()[1])
    texts = (
        *("pgguard.data_main", "pgguard.index_main", "pgguard.data_special", "main", guess),
        *("lab.patient", "SELECT", "clerk"),
    )
    arguments: dict[str, tuple[object, ...]] = {
        "bytea": (nir, born, phone, index, KEK, b"", None),
        "text": (*texts, None),
        "bigint": (1, 2, 0),
        "integer": (1, 0),
        "date": ("1930-10-28",),
        "regclass": (lab.storage,),
        "double precision": (0,),
        "regprocedure": ("pgguard.session_keys(text)",),
    }
    with lab.session(role) as session:
        listener = Listener(session)
        for signature, kind in rows:
            name, _, types = signature.rstrip(")").partition("(")
            kinds = [one for one in types.split(",") if one]
            for number in range(max(map(len, arguments.values()))):
                values = []
                for one in kinds:
                    those = arguments.get(one, (None,))
                    values.append(those[number % len(those)])
                holders = ", ".join(f"%s::{one}" for one in kinds)
                call = f"CALL {name}({holders})" if kind == "p" else f"SELECT {name}({holders})"
                listener.run(call, values=values)
        assert len(listener.states) > len(rows)
        assert "42501" in listener.states
    assert secrets.values_in(listener.heard.replace(guess, "")) == []
    assert secrets.keys_in(listener.heard.replace(KEK.hex(), "")) == []


def _tokens(session: psycopg.Connection) -> dict[str, str]:
    """The settings by which a session holds its keys."""
    rows = session.execute(
        "SELECT 'pgguard.' || p || '_' || g"
        " FROM unnest(ARRAY['data', 'index']) AS p, unnest(ARRAY['main', 'special']) AS g"
    ).fetchall()
    found = {}
    for (name,) in rows:
        row = session.execute("SELECT current_setting(%s, true)", (name,)).fetchone()
        assert row is not None
        assert row[0]
        found[name] = row[0]
    return found


def _set(session: psycopg.Connection, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        session.execute("SELECT set_config(%s, %s, false)", (name, value))


@pytest.mark.parametrize("thief", ["biologist", "clerk", "postgres"])
def test_tokens_open_nothing_elsewhere(lab: Laboratory, secrets: Secrets, thief: str) -> None:
    with lab.session("biologist") as session, lab.session(thief, kek=None) as other:
        tokens = _tokens(session)
        assert secrets.keys_in(str(tokens)) == []
        assert lab.read(session) == lab.kept()
        _set(other, tokens)
        listener = Listener(other)
        listener.run("SELECT pgguard.open__lab__patient__nir(nir_pgg1, id) FROM " + lab.storage)
        listener.run(f"SELECT {lab.shown('nir')} FROM lab.patient")
        assert set(listener.states) <= {"PGG01", "42501"} or thief == "clerk"
        assert secrets.values_in(listener.heard) == []
        # a session as somebody else is another session
        if thief == "postgres":
            other.execute("SELECT pgguard.unlock(%b)", (KEK,))
            assert lab.read(other) == lab.kept()
            other.execute("SET SESSION AUTHORIZATION biologist")
            with pytest.raises(psycopg.Error) as caught:
                lab.read(other)
            assert caught.value.sqlstate == "PGG01"


def test_forged_tokens_open_nothing(lab: Laboratory) -> None:
    query = f"SELECT {lab.shown('nir')} FROM lab.patient WHERE id = 1".encode()
    wanted = lab.kept()[1]
    with lab.session("biologist") as session:
        tokens = _tokens(session)
        name = "pgguard.data_main"
        token = tokens[name]
        forged = [
            *(token[:at] + ("0" if token[at] != "0" else "1") + token[at + 1 :] for at in range(len(token))),
            *(token[:at] for at in range(1, len(token), 7)),
            *("", "locked", "x", "00", token + "00", token[32:], token + token, "é"),
            *(value for other, value in tokens.items() if other != name),
        ]
        for one in forged:
            _set(session, {name: one})
            with pytest.raises(psycopg.Error) as caught:
                session.execute(query)
            assert caught.value.sqlstate in ("PGG01", "PGG03"), one
        _set(session, tokens)
        assert session.execute(query).fetchone() == (wanted,)
        # the same bytes in capitals are the same token
        _set(session, {name: token.upper()})
        assert session.execute(query).fetchone() == (wanted,)


def _opens(lab: Laboratory, session: psycopg.Connection) -> bool:
    try:
        with session.transaction():
            row = session.execute(
                f"SELECT {lab.shown('nir')} FROM lab.patient WHERE id = 1".encode()
            ).fetchone()
    except psycopg.Error as error:
        assert error.sqlstate == "PGG01"
        return False
    assert row == (lab.kept()[1],)
    return True


def test_a_session_is_as_open_as_it_was_made(lab: Laboratory) -> None:
    """By transactions that are taken back, failures, DISCARD and RESET; cached plans notice."""
    with lab.session("biologist", kek=None) as session:
        unlock = ("SELECT pgguard.unlock(%b)", (KEK,))
        assert not _opens(lab, session)
        with session.transaction(force_rollback=True):
            session.execute(*unlock)
            assert _opens(lab, session)
        assert not _opens(lab, session)
        with session.transaction():
            with session.transaction(force_rollback=True):
                session.execute(*unlock)
                assert _opens(lab, session)
            assert not _opens(lab, session)
        session.execute(*unlock)
        with pytest.raises(psycopg.Error), session.transaction():
            session.execute("SELECT 1 / 0")
        assert _opens(lab, session)
        with pytest.raises(psycopg.Error):
            session.execute("SELECT pgguard.unlock(%b)", (bytes(32),))
        # a wrong key takes nothing away
        assert _opens(lab, session)
        session.execute("PREPARE held AS SELECT count(nir_pgg1) FROM " + lab.storage)
        for closing in ("SELECT pgguard.lock()", "RESET ALL", "DISCARD ALL", "SET pgguard.data_main = ''"):
            session.execute(*unlock)
            for _ in range(8):
                assert _opens(lab, session)
            session.execute(closing.encode())
            for _ in range(3):
                assert not _opens(lab, session), closing
        session.execute(*unlock)
        with session.transaction():
            session.execute(f"DECLARE c CURSOR FOR SELECT {lab.shown('nir')} FROM lab.patient".encode())
            assert session.execute("FETCH 1 FROM c").fetchone() is not None
            session.execute("SELECT pgguard.lock()")
            with pytest.raises(psycopg.Error) as caught, session.transaction():
                session.execute("FETCH 1 FROM c")
            assert caught.value.sqlstate == "PGG01"


def test_rights_go_with_the_role_of_the_moment(lab: Laboratory, secrets: Secrets) -> None:
    """A pool: one login, many roles; what a plan was made for does not count."""
    lab.superuser("DO $$ BEGIN CREATE ROLE pool LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    lab.superuser("GRANT biologist, clerk, intruder TO pool")
    with lab.session("pool") as session:
        for _ in range(3):
            session.execute("SET ROLE biologist")
            assert lab.read(session) == lab.kept()
            session.execute("SET ROLE clerk")
            listener = Listener(session)
            listener.run(f"SELECT {lab.shown('nir')} FROM lab.patient")
            session.execute("SET ROLE intruder")
            listener.run(f"SELECT {lab.shown('nir')} FROM lab.patient")
            assert secrets.values_in(listener.heard) == []
    lab.superuser("REVOKE biologist, clerk, intruder FROM pool")


def test_a_reader_of_one_column_reads_no_other(running: Cluster) -> None:
    lab = encrypted(running, "parted", through="")
    columns = (
        EncryptedColumn("nir", readers=("biologist",), searchable=True),
        EncryptedColumn("note", readers=("clerk",)),
        EncryptedColumn("data", readers=("intruder",), key_group="special"),
    )
    plan = planned(running, lab.database, {"lab.patient": columns})
    plan.up("expand", "backfill", "verify", "switch", "soak", "contract")
    with lab.session("clerk") as session:
        assert lab.read(session, "note") == lab.kept("note")
        assert set(lab.read(session, "nir").values()) == {None}
        listener = Listener(session)
        for other in ("nir", "data", "nir_find"):
            stored = other if other == "nir_find" else f"{other}_pgg1"
            listener.run(f"SELECT pgguard.open__lab__patient__note({stored}, id) FROM {lab.storage}")
        assert set(listener.states) <= {"PGG02", "PGG03"}
        listener.run("SELECT pgguard.open__lab__patient__nir(nir_pgg1, id) FROM " + lab.storage)
        listener.run("SELECT pgguard.open__lab__patient__data(data_pgg1, id) FROM " + lab.storage)
        listener.run("SELECT pgguard.blind__lab__patient__nir('x')")
        assert listener.states[-3:] == ["42501"] * 3


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
        "CREATE FUNCTION lab.said(lab.mood) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM lab.trap('x'::text);"
        " RETURN 'ok'; END $$",
        "CREATE CAST (lab.mood AS text) WITH FUNCTION lab.said(lab.mood) AS IMPLICIT",
        "SELECT 'ok'::lab.mood::text",
    ),
    "operators of its types": (
        "CREATE FUNCTION lab.alike(lab.mood, lab.mood) RETURNS boolean LANGUAGE sql AS $$ SELECT lab.trap('x'::text) $$",
        "CREATE OPERATOR lab.= (FUNCTION = lab.alike, LEFTARG = lab.mood, RIGHTARG = lab.mood)",
        "CREATE FUNCTION lab.alike(lab.number, lab.number) RETURNS boolean LANGUAGE sql AS"
        " $$ SELECT lab.trap('x'::text) $$",
        "CREATE OPERATOR lab.= (FUNCTION = lab.alike, LEFTARG = lab.number, RIGHTARG = lab.number)",
        "CREATE FUNCTION lab.alike(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT lab.trap('x'::text) $$",
        "CREATE OPERATOR lab.= (FUNCTION = lab.alike, LEFTARG = text, RIGHTARG = text)",
        "SELECT 'ok'::lab.mood OPERATOR(lab.=) 'ok'::lab.mood",
    ),
    "another type of the clear column": (
        f"ALTER TABLE lab.every ALTER c0 TYPE lab.trapped",
        f"ALTER TABLE lab.every ALTER {_NUMBER} TYPE lab.boxed USING NULL",
        f"ALTER TABLE lab.every ALTER {_DAY} TYPE lab.boxed USING NULL",
    ),
    "another type of the stored column": ("ALTER TABLE lab.every ALTER c0_pgg1 TYPE lab.trapped_bytes",),
    "another type of the key": (
        f"ALTER TABLE lab.every DROP CONSTRAINT every_pkey",
        f"ALTER TABLE lab.every ALTER id TYPE lab.boxed USING ROW(id::text)::lab.boxed",
    ),
    "another type of the name": (
        "ALTER DOMAIN lab.number RENAME TO number_before",
        "CREATE DOMAIN lab.number AS lab.boxed",
        f"ALTER TABLE lab.every ALTER {_NUMBER} TYPE lab.number USING NULL",
    ),
    "its own triggers": (
        "CREATE FUNCTION lab.trapping() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM lab.trap('x'::text);"
        " RETURN NEW; END $$",
        f"CREATE TRIGGER aaa BEFORE INSERT OR UPDATE ON lab.every FOR EACH ROW EXECUTE FUNCTION lab.trapping()",
        f"CREATE TRIGGER zzzz BEFORE INSERT OR UPDATE ON lab.every FOR EACH ROW EXECUTE FUNCTION lab.trapping()",
        f"CREATE TRIGGER zzzzz AFTER INSERT OR UPDATE ON lab.every FOR EACH ROW EXECUTE FUNCTION lab.trapping()",
    ),
    "a check, a default and an index of its own": (
        f"ALTER TABLE lab.every ADD CHECK (lab.trap(c0))",
        f"ALTER TABLE lab.every ADD extra boolean DEFAULT lab.trap('x'::text)",
        "CREATE FUNCTION lab.steady(bytea) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN lab.trap('x'::text); END $$",
        f"CREATE INDEX ON lab.every (lab.steady(c0_pgg1))",
        f"ANALYZE lab.every",
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
        kinds = dict(
            session.execute(
                "SELECT attname, atttypid::regtype::text FROM pg_attribute WHERE attrelid = 'lab.every'::regclass"
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
    test_who_may_call_what(lab)
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
    """pgcrypto may belong to who owns a database: it can be dropped with what uses it, and not be replaced."""
    with psycopg.connect(running.dsn(), autocommit=True) as connection:
        connection.execute("GRANT CREATE ON DATABASE postgres TO intruder")
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
        "GRANT SELECT (id, name), UPDATE (name) ON lab.patient TO intruder; GRANT UPDATE ON lab.every TO intruder"
    )
    for table, told in (
        ("lab.patient", "intruder has UPDATE on single columns"),
        ("lab.every", "intruder has UPDATE without"),
    ):
        columns = {table: (EncryptedColumn("note" if table == "lab.patient" else "c0"),)}
        with pytest.raises(InputError, match=told):
            planned(running, lab.database, columns)
        assert planned(running, lab.database, columns, form="in-place").files
        assert planned(running, lab.database, columns, acknowledged=["column-grants"]).files


def test_the_role_of_the_keys_may_not_log_in(postgres: Postgres) -> None:
    if postgres.major < 14:
        pytest.skip("encryption needs PostgreSQL 14")
    with Cluster.start(postgres) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE pgguard_keys LOGIN"))
        with pytest.raises(psycopg.Error, match="pgguard_keys can log in"):
            encrypted(cluster)
