"""What attackers try, how what they are told is kept, and what of it would be a secret."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from tests.encryption.phases import KEK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.encryption.encrypting import Laboratory

# what an attack makes the server say when a guess was right: 'hi' || 't!'
HIT = "hit!"


def forms(secret: bytes | str) -> set[str]:
    """How bytes may be written: as text, hexadecimal, base64, escaped, and as constants of printed plans."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    spelled = {
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        "".join(chr(one) if 32 <= one < 127 and one != 92 else f"\\{one:03o}" for one in raw),
        " ".join(str(one - 256 if one > 127 else one) for one in raw),
        repr(raw)[2:-1],
    }
    return {*spelled, secret} if isinstance(secret, str) else spelled


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
        return found(heard, [*self.values, HIT])

    def keys_in(self, heard: str) -> list[str]:
        """The keys that were learnt."""
        return found(heard, self.keys)


def found(text: str, spellings: Iterable[str]) -> list[str]:
    """Which of the spellings are in a text: in capitals too, and broken anywhere, as printed plans are."""
    squeezed = "".join(text.split())
    places = (text, squeezed, squeezed.lower())
    return [one for one in spellings if one in text or any("".join(one.split()) in place for place in places)]


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


# functions that tell what they are given, and are as cheap as can be, so that the planner calls them first
TOOLS = r"""
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
    CREATE FUNCTION ME.has_function_privilege(regprocedure, text) RETURNS boolean
    LANGUAGE sql AS 'SELECT true';
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
        GET STACKED DIAGNOSTICS a = MESSAGE_TEXT, b = PG_EXCEPTION_DETAIL, c = PG_EXCEPTION_HINT,
            d = PG_EXCEPTION_CONTEXT;
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
            "SELECT 'hi' || 't!' FROM lab.patient JOIN (SELECT 'GUESS') AS g (v) ON NIR = g.v",
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
            "CREATE VIEW ME.w WITH (security_barrier) AS SELECT id, NIR AS v FROM lab.patient"
            " WHERE ME.hear(NIR)",
            "SELECT * FROM ME.w",
            "CREATE VIEW ME.x WITH (security_invoker) AS SELECT id, NIR AS v FROM lab.patient",
            "SELECT * FROM ME.x",
            "CREATE MATERIALIZED VIEW ME.m AS SELECT id, NIR AS v FROM lab.patient",
            "SELECT * FROM ME.m",
            "CREATE TABLE ME.t AS SELECT id, NIR AS v FROM lab.patient",
            "SELECT * FROM ME.t",
            "CREATE FUNCTION ME.f() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS"
            " 'SELECT NIR FROM lab.patient'",
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
            "CREATE TRIGGER x BEFORE INSERT ON ME.e FOR EACH ROW"
            " EXECUTE FUNCTION pgguard.seal__lab__patient()",
            "CREATE TRIGGER y BEFORE INSERT ON ME.e FOR EACH ROW"
            " EXECUTE FUNCTION pgguard.write__lab__patient()",
            "INSERT INTO ME.e (id, nir_pgg1) SELECT id, nir_pgg1 FROM STORED RETURNING nir",
            "CREATE TRIGGER x BEFORE UPDATE ON STORED FOR EACH ROW"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "CREATE RULE r AS ON SELECT TO lab.patient DO INSTEAD SELECT 1",
            "ALTER TABLE STORED ADD CHECK (ME.hear(nir))",
            "CREATE POLICY p ON STORED USING (ME.hear(nir))",
            "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION ME.f()",
            "CREATE OR REPLACE FUNCTION pgguard.normal_exact(value text) RETURNS text LANGUAGE sql AS"
            " 'SELECT $1'",
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
            "SELECT pgguard.find__lab__patient__nir('4711')",
            "UPDATE lab.patient SET name = name",
            "EXPLAIN (ANALYZE, VERBOSE, SETTINGS) SELECT NIR FROM lab.patient",
            "EXPLAIN (ANALYZE, VERBOSE) SELECT pgguard.open__lab__patient__nir(nir_pgg1, 1)"
            " FROM STORED WHERE id = 1",
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
            "SELECT prosrc, pg_get_functiondef(oid) FROM pg_proc"
            " WHERE pronamespace = 'pgguard'::regnamespace",
            "SELECT pg_get_viewdef(oid) FROM pg_class"
            " WHERE relkind = 'v' AND relnamespace = 'lab'::regnamespace",
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
            "WITH changed AS (UPDATE lab.patient SET note = NIR RETURNING NOTE AS n) SELECT n FROM changed",
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


def spelled(lab: Laboratory, statement: str, role: str) -> str:
    """A statement of an attack, for an attacker and the form of the laboratory."""
    guess = str(lab.kept()[1])
    words = {"ME": role, "STORED": lab.storage, "GUESS": guess, "GUES": guess[:-1]}
    words |= {name.upper(): lab.shown(name) for name in ("nir", "phone", "born", "note", "data")}
    return re.sub(r"\b(?:" + "|".join(words) + r")\b", lambda found: words[found[0]], statement)


def rights_are_right(lab: Laboratory) -> None:
    """Asserts who may call which function of pgguard, and that nothing else of it is for anybody."""
    for role in ("clerk", "secretary", "intruder", "biologist"):
        allowed = {"unlock", "lock", "has_keys"}
        kinds = {"show", "mask", "find", "index_key"} | ({"open", "blind"} if role == "biologist" else set())
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
        " AND has_table_privilege("
        "r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
    )
    assert rights == []
    assert (
        lab.superuser(
            "SELECT r.rolname FROM pg_roles AS r WHERE NOT r.rolsuper AND r.rolname <> 'pgguard_keys'"
            " AND (has_schema_privilege(r.oid, 'pgguard', 'CREATE')"
            " OR pg_has_role(r.oid, 'pgguard_keys', 'MEMBER'))"
        )
        == []
    )
