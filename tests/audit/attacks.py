"""Everything that can be tried against the audit, with what becomes of it.

Each attack runs in a database of its own, as one login, statement by statement. It ends in one of these ways:

* REFUSED    the server refuses every statement that matters, with a state that is named here;
* VAIN       it may be tried, and the audit records what it would have recorded;
* DETECTED   it succeeds, and an entry, the catalog watch or `is_audited` tells.

`proof` is a query that gives true afterwards. In all cases no function of the attacker has run as
pgguard_audit_owner or as a superuser, and what the application writes next is recorded once and rightly, unless
the attack is one that superusers can make and the entry that tells of it is the proof.
docs/audit-threats.md is held against this list.
"""

# statements stand as an attacker would write them: on one line
# ruff: noqa: E501
from __future__ import annotations

from dataclasses import dataclass, field

REFUSED, VAIN, DETECTED = "refused", "without effect", "detected"
NO_RIGHT = "42501"
APPEND_ONLY, CLAIM, NO_TRUNCATE, AUDIT_OFF = "PGA01", "PGA02", "PGA03", "PGA04"
# a role of the test's cluster for each kind of attacker
ROLES = """
CREATE ROLE app LOGIN; CREATE ROLE app2 LOGIN; CREATE ROLE lab_owner LOGIN; CREATE ROLE db_owner LOGIN;
CREATE ROLE schema_owner LOGIN; CREATE ROLE maker LOGIN CREATEROLE; CREATE ROLE writer LOGIN IN ROLE pg_write_all_data;
CREATE ROLE reader LOGIN IN ROLE pg_read_all_data; CREATE ROLE killer LOGIN IN ROLE pg_signal_backend;
CREATE ROLE boss LOGIN SUPERUSER; CREATE ROLE keeper LOGIN; CREATE ROLE triggers LOGIN; CREATE ROLE maintainer LOGIN;
CREATE ROLE chief LOGIN; GRANT chief TO app;
"""
# `spy` tells as whom it ran
TABLES = """
GRANT TEMPORARY, CREATE ON DATABASE {database} TO app, lab_owner;
CREATE SCHEMA lab AUTHORIZATION schema_owner; GRANT ALL ON SCHEMA lab TO lab_owner; GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE SCHEMA ours AUTHORIZATION app;
CREATE TABLE lab.ran (who text); GRANT INSERT, SELECT ON lab.ran TO PUBLIC;
SET SESSION AUTHORIZATION lab_owner;
CREATE TABLE lab.patient (id bigint PRIMARY KEY, nir text, name text, value numeric, born date, weight float8, seen timestamptz);
CREATE TABLE lab.visit (id int PRIMARY KEY, patient bigint REFERENCES lab.patient ON DELETE CASCADE, what text);
CREATE TABLE lab.result (site int, id int, patient bigint, value text, PRIMARY KEY (site, id)) PARTITION BY LIST (site);
CREATE TABLE lab.result_1 PARTITION OF lab.result FOR VALUES IN (1);
CREATE TABLE lab.hidden (nir text PRIMARY KEY, what text);
CREATE TABLE lab.stay (id int PRIMARY KEY, patient bigint, what text);
CREATE TABLE lab.stay_old (PRIMARY KEY (id)) INHERITS (lab.stay);
GRANT ALL ON ALL TABLES IN SCHEMA lab TO app; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA lab TO app2;
GRANT TRIGGER ON lab.patient TO triggers;
RESET SESSION AUTHORIZATION;
GRANT USAGE, CREATE ON SCHEMA lab TO triggers;
SELECT pgguard_audit.audit('lab.patient', 'id', '{"value": "plain", "born": "plain", "weight": "plain", "seen": "plain"}');
SELECT pgguard_audit.audit('lab.visit', 'patient');
SELECT pgguard_audit.audit('lab.result', 'patient', '{"value": "plain"}');
SELECT pgguard_audit.audit('lab.hidden', 'nir', key_is_tag => true, subject_is_tag => true);
SELECT pgguard_audit.audit('lab.stay', 'patient', '{"what": "plain"}');
SELECT pgguard_audit.set_service_key('app2', 'a key of sixteen bytes or more');
GRANT pgguard_audit_keeper TO keeper;
"""
SPY = """CREATE FUNCTION ours.spy() RETURNS boolean LANGUAGE plpgsql AS
    'BEGIN INSERT INTO lab.ran VALUES (current_user); RETURN true; END'"""
SPY_TRIGGER = """CREATE FUNCTION ours.spies() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO lab.ran VALUES (current_user); RETURN NEW; END'"""
SPY_OF_OWNER = SPY.replace("ours.", "lab.")
SPIES_OF_OWNER = SPY_TRIGGER.replace("ours.", "lab.")
PUT = "INSERT INTO lab.patient (id, nir, name, value) VALUES (4711, '1850275123456', 'Martin', 5.4)"


def recorded(subject: str, verb: str, times: int = 1, where: str = "true") -> str:
    """A query that is true when a verb is recorded so many times of a subject, by a login that is no superuser."""
    return (
        f"SELECT count(*) = {times} AND bool_and(login IN ('app', 'app2', 'lab_owner')) IS NOT FALSE AND bool_and({where}) IS NOT FALSE"
        f" FROM pgguard_audit.change WHERE subject = '{subject}' AND verb = '{verb}'"
    )


def told(verb: str, like: str, where: str = "true") -> str:
    """A query that is true when an entry that is no row of a table has such a verb and object."""
    pattern = like.replace("'", "''")
    return f"SELECT EXISTS (SELECT FROM pgguard_audit.entry WHERE verb = '{verb}' AND object LIKE '{pattern}' AND {where})"


@dataclass(frozen=True)
class Attack:
    """What `who` tries: `prepare` and the statements of `tries`, of which those that are marked with ! are refused,
    and those with ? may be.

    `since` and `until` are the majors for which the ending holds; `after` puts right what belongs to the cluster.
    `broken` tells that the application's next write is not looked at. `by` prepares as a superuser.
    """

    name: str
    who: str
    ending: str
    tries: tuple[str, ...]
    proof: str = "SELECT true"
    states: tuple[str, ...] = (NO_RIGHT,)
    by: str = ""
    after: str = ""
    since: int = 14
    until: int = 99
    broken: bool = False
    how: str = field(default="", kw_only=True)


def _a(name: str, who: str, ending: str, *tries: str, **more: object) -> Attack:
    return Attack(name, who, ending, tries, **more)  # type: ignore[arg-type]


STORE = (
    _a("reads what was recorded of patients", "app", REFUSED, "!SELECT * FROM pgguard_audit.change",
       "!TABLE pgguard_audit.entry", "!TABLE pgguard_audit.shape", "!COPY pgguard_audit.entry TO STDOUT"),
    _a("reads the secret and the keys", "app", REFUSED, "!SELECT secret FROM pgguard_audit.installation",
       "!SELECT * FROM pgguard_audit.service_key", "!SELECT pgguard_audit.tag_key()", "!SELECT pgguard_audit.own_word('refresh')",
       "!SELECT pgguard_audit.tag('1850275123456')", "!SELECT pgguard_audit.claim_seal('x')",
       "!SELECT prosrc FROM pg_proc WHERE prosrc LIKE '%' || (SELECT secret FROM pgguard_audit.installation)::text || '%'"),
    _a("writes an entry itself", "app", REFUSED,
       "!INSERT INTO pgguard_audit.entry (id, at, began, xid, pid, verb, login, role) VALUES (1, now(), now(), 1, 1, 'X', 'boss', 'x')",
       "!SELECT pgguard_audit.note('DELETE', 'lab.patient')", "!SELECT nextval('pgguard_audit.entry_id')"),
    _a("changes and deletes entries", "app", REFUSED, "!UPDATE pgguard_audit.entry SET login = 'app2'",
       "!DELETE FROM pgguard_audit.entry", "!TRUNCATE pgguard_audit.entry", "!DELETE FROM pgguard_audit.entry_rest",
       "!DROP TABLE pgguard_audit.entry_rest", "BEGIN", "!LOCK TABLE pgguard_audit.entry IN ACCESS SHARE MODE", "ROLLBACK"),
    _a("calls what the audit consists of", "app", REFUSED, "!SELECT pgguard_audit.audit_insert_1()",
       "!SELECT pgguard_audit.append_only()", "!SELECT pgguard_audit.leave('lab.patient')",
       "!SELECT pgguard_audit.audit('lab.ran')", "!SELECT pgguard_audit.follow_renames('lab.patient')",
       "!SELECT pgguard_audit.make_partitions()", "!SELECT pgguard_audit.watch()", "!SELECT pgguard_audit.settle()"),
    _a("puts the audit's functions on a table of its own", "app", REFUSED,
       "CREATE TABLE ours.patient (id bigint PRIMARY KEY, nir text, name text, value numeric)",
       "!CREATE TRIGGER t AFTER INSERT ON ours.patient REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT "
       "EXECUTE FUNCTION pgguard_audit.audit_insert_1()"),
    _a("was given everything by default privileges of whoever installs it", "app", REFUSED,
       "!SELECT * FROM pgguard_audit.entry", "!SELECT pgguard_audit.note('X', 'x')",
       by="ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO app; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO app;"
          "ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO app; -- INSTALL",
       proof="SELECT count(*) = 0 FROM (SELECT relacl AS acl FROM pg_class WHERE relnamespace = 'pgguard_audit'::regnamespace"
             " UNION ALL SELECT proacl FROM pg_proc WHERE pronamespace = 'pgguard_audit'::regnamespace"
             " UNION ALL SELECT nspacl FROM pg_namespace WHERE nspname = 'pgguard_audit') AS o, aclexplode(acl) AS e"
             " WHERE e.grantee = 'app'::regrole",
       after="ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM app"),
    _a("writes entries with pg_write_all_data", "writer", REFUSED,
       "!INSERT INTO pgguard_audit.entry (id, at, began, xid, pid, verb, login, role) VALUES (1, now(), now(), 1, 1, 'X', 'app', 'x')",
       "!INSERT INTO pgguard_audit.entry_rest (id, at, began, xid, pid, verb, login, role) VALUES (1, '2001-01-01', now(), 1, 1, 'X', 'app', 'x')",
       "!UPDATE pgguard_audit.entry SET login = 'app2'", "!DELETE FROM pgguard_audit.entry",
       "!DELETE FROM pgguard_audit.entry_rest", states=(NO_RIGHT, APPEND_ONLY)),
    _a("changes what is audited with pg_write_all_data", "writer", VAIN,
       "?INSERT INTO pgguard_audit.service_key VALUES ('writer', decode(repeat('00', 64), 'hex'), decode(repeat('00', 64), 'hex'))",
       "UPDATE pgguard_audit.installation SET secret = decode(repeat('00', 32), 'hex')",
       "DELETE FROM pgguard_audit.audited", "UPDATE pgguard_audit.audited_column SET class = 'mark'",
       "?UPDATE pgguard_audit.shape SET recorded = '{}'", "DELETE FROM pgguard_audit.covered", "DELETE FROM pgguard_audit.known_acl",
       proof="SELECT (SELECT count(*) FROM pgguard_audit.audited) = 5 AND (SELECT secret <> decode(repeat('00', 32), 'hex')"
             " FROM pgguard_audit.installation) AND NOT EXISTS (SELECT FROM pgguard_audit.service_key WHERE login = 'writer')"),
    _a("reads the store with pg_read_all_data", "reader", VAIN,
       "CREATE TEMP TABLE got AS SELECT subject FROM pgguard_audit.entry",
       "INSERT INTO got SELECT subject FROM pgguard_audit.change",
       "INSERT INTO got SELECT secret::text FROM pgguard_audit.installation", "INSERT INTO got SELECT shown FROM pgguard_audit.watched",
       "INSERT INTO lab.ran SELECT 'got ' || count(*) FROM got",
       proof="SELECT bool_and(who = 'got 0') FROM lab.ran", by="GRANT TEMPORARY ON DATABASE {database} TO reader"),
    _a("stops the store with pg_maintain", "maintainer", REFUSED, "BEGIN", "!LOCK TABLE pgguard_audit.entry", "ROLLBACK",
       "!VACUUM FULL pgguard_audit.entry", "!ANALYZE pgguard_audit.entry", since=17, by="GRANT pg_maintain TO maintainer"),
)  # fmt: skip

SESSION = (
    _a("sets the claim of an end user itself", "app", DETECTED, "SET pgguard.claim = '0123456789abcdef0123456789abcdefDr. House'", PUT,
       proof=recorded("4711", "INSERT", where="claimed LIKE 'forged:%'"), how="the claim is recorded as forged"),
    _a("uses a claim of another transaction again", "app", DETECTED, "BEGIN", "SELECT pgguard.identify('Dr. House')",
       "SELECT set_config('ours.kept', current_setting('pgguard.claim'), false)", "COMMIT",
       "SELECT set_config('pgguard.claim', current_setting('ours.kept'), false)", PUT,
       proof=recorded("4711", "INSERT", where="claimed LIKE 'forged:%'"), how="the claim is recorded as forged"),
    _a("claims an end user for a login that has a key, without it", "app2", REFUSED, "!SELECT pgguard.identify('Dr. House')",
       "!SELECT pgguard.identify('Dr. House', now(), sha256('guess'))", "!SELECT pgguard.identify('Dr. House', now() - interval '1 hour', '')",
       states=(CLAIM,)),
    _a("looks like a signed claim", "app", VAIN, "BEGIN", "SELECT pgguard.identify(repeat('x', 10000000))", PUT, "COMMIT",
       proof=recorded("4711", "INSERT", where="claimed LIKE 'unsigned: x%' AND length(claimed) = 210")),
    _a("switches triggers off in its session", "app", REFUSED, "!SET session_replication_role = replica",
       "!ALTER ROLE app SET session_replication_role = replica", "!SET SESSION AUTHORIZATION app2",
       "!SET lo_compat_privileges = on"),
    _a("switches event triggers off in its session", "app", REFUSED, "!SET event_triggers = off",
       "!ALTER ROLE app SET event_triggers = off", since=17),
    _a("works under another role and another name", "app", VAIN, "SET ROLE chief", "SET application_name = 'backup job'", "RESET ROLE", PUT,
       "SET ROLE chief", "UPDATE lab.patient SET value = 6 WHERE id = 4711", by="GRANT ALL ON lab.patient TO chief",
       proof="SELECT count(*) = 2 AND bool_and(login = 'app' AND authenticated = 'app' AND application = 'backup job')"
             " AND count(*) FILTER (WHERE role = 'chief') = 1 FROM pgguard_audit.change WHERE subject = '4711'"),
    _a("changes every setting that changes how values look or how statements are planned", "app", VAIN,
       "SET DateStyle = 'SQL, DMY'", "SET TimeZone = 'Asia/Tokyo'", "SET IntervalStyle = 'iso_8601'", "SET extra_float_digits = -15",
       "SET bytea_output = 'escape'", "SET escape_string_warning = off", "SET backslash_quote = on", "SET standard_conforming_strings = off",
       "SET quote_all_identifiers = on", "SET transform_null_equals = on", "SET array_nulls = off", "SET xmlbinary = hex",
       "SET client_encoding = 'LATIN1'", "SET row_security = off", "SET plan_cache_mode = force_custom_plan", "SET work_mem = '64kB'",
       "SET enable_hashjoin = off", "SET enable_mergejoin = off", "SET enable_nestloop = off", "SET enable_seqscan = off",
       "SET enable_sort = off", "SET enable_material = off", "SET from_collapse_limit = 1", "SET join_collapse_limit = 1", "SET geqo_threshold = 2",
       "?SET jit = on", "?SET jit_above_cost = 0", "SET plpgsql.variable_conflict = use_column", "SET plpgsql.extra_errors = 'all'",
       "SET check_function_bodies = off", "SET default_transaction_isolation = 'serializable'", "SET synchronous_commit = off",
       "SET default_tablespace = 'pg_default'", "SET default_table_access_method = 'heap'", "SET constraint_exclusion = on",
       "SET search_path = ours, lab, pg_temp, pg_catalog", "?SET lc_monetary = 'C'", "SET debug_print_plan = off",
       "?SET force_parallel_mode = regress", "?SET debug_parallel_query = regress", "SET vacuum_cost_delay = 100",
       "INSERT INTO lab.patient (id, value, born, weight, seen) VALUES (4711, 5.40, '02/03/1985', 0.1, '2020-02-02 12:00+09')",
       "UPDATE lab.patient SET born = '03/03/1985', weight = 0.3, value = 5.4 WHERE id = 4711",
       proof="SELECT (SELECT new = '{\"value\": \"5.40\", \"born\": \"1985-03-02\", \"weight\": \"0.1\", \"seen\": \"2020-02-02 03:00:00+00\"}'"
             " FROM pgguard_audit.change WHERE subject = '4711' AND verb = 'INSERT')"
             " AND (SELECT changed = '{value,born,weight}' AND new = '{\"value\": \"5.4\", \"born\": \"1985-03-03\", \"weight\": \"0.3\", \"seen\": null}'"
             " FROM pgguard_audit.change WHERE subject = '4711' AND verb = 'UPDATE')"),
    _a("puts functions, operators and tables of its own before PostgreSQL's", "app", VAIN, SPY,
       "CREATE FUNCTION ours.f(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT ours.spy()'",
       "CREATE FUNCTION ours.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT ours.spy(); SELECT ''2001-01-01''::timestamptz'",
       "?CREATE FUNCTION ours.concat(VARIADIC \"any\") RETURNS text LANGUAGE internal IMMUTABLE AS 'text_concat'",
       "CREATE FUNCTION ours.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT ours.spy()::text'",
       "CREATE OPERATOR ours.= (LEFTARG = text, RIGHTARG = text, FUNCTION = ours.f)",
       "CREATE OPERATOR ours.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = ours.f)",
       "CREATE FUNCTION ours.g(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT ours.spy()'",
       "CREATE OPERATOR ours.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = ours.g)",
       "CREATE TEMP TABLE pg_class (oid oid, relnamespace oid)", "CREATE TEMP TABLE entry (id int)", "CREATE TEMP TABLE new_rows (id int)",
       "CREATE TEMP TABLE installation (secret bytea)", "?CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (ours.spy())",
       "?CREATE COLLATION ours.\"C\" (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
       "SET search_path = pg_temp, ours, pg_catalog", PUT, "UPDATE lab.patient SET id = 4712, name = 'm' WHERE id = 4711",
       "SELECT pgguard.identify('x')", "DELETE FROM lab.patient",
       proof=recorded("4711", "INSERT", where="at > now() - interval '1 hour'")),
    _a("gives up in the middle", "app", VAIN, "SET statement_timeout = '3ms'", "?INSERT INTO lab.patient SELECT generate_series(1, 200000)",
       "SET statement_timeout = '7ms'", "?INSERT INTO lab.patient SELECT generate_series(200001, 400000)", "RESET statement_timeout",
       "BEGIN", "INSERT INTO lab.patient VALUES (5)", "SAVEPOINT s", "INSERT INTO lab.patient VALUES (6)", "ROLLBACK TO s", "COMMIT",
       "DO 'BEGIN INSERT INTO lab.patient VALUES (7); PERFORM 1/0; EXCEPTION WHEN OTHERS THEN NULL; END'",
       proof="SELECT (SELECT count(*) FROM lab.patient) = (SELECT count(*) FROM pgguard_audit.change WHERE verb = 'INSERT' AND relation = 'lab.patient')"
             " AND NOT EXISTS (SELECT FROM pgguard_audit.change WHERE subject IN ('6', '7'))"),
    _a("holds the locks that the audit might want", "app", VAIN, "SELECT pg_advisory_lock(7231905, 1), pg_advisory_lock(7231905, 2)",
       "BEGIN", PUT, "COMMIT", proof="SELECT pgguard_audit.make_partitions() IS NOT NULL"),
    _a("makes keys and subjects that no index holds", "app", VAIN,
       "INSERT INTO ours.big SELECT 1, string_agg(md5(g::text), '') FROM generate_series(1, 40000) AS g",
       "INSERT INTO ours.long SELECT 2, (SELECT string_agg((random() * 10)::int::text, '') FROM generate_series(1, 100000))::numeric",
       by="CREATE TABLE ours.big (id int PRIMARY KEY, who text); CREATE TABLE ours.long (id int PRIMARY KEY, who numeric);"
          "GRANT ALL ON ours.big, ours.long TO app;"
          "SELECT pgguard_audit.audit('ours.big', 'who', '{\"who\": \"plain\"}'), pgguard_audit.audit('ours.long', 'who')",
       proof="SELECT count(*) = 2 AND max(octet_length(subject)) < 1100 FROM pgguard_audit.change WHERE relation LIKE 'ours.%'"),
    _a("writes through a function of somebody else, a view and a rule of its own", "app", VAIN,
       "SELECT lab.add_one(4711)", "UPDATE ours.v SET value = 1 WHERE id = 4711", "INSERT INTO ours.t VALUES (4711)",
       by="CREATE FUNCTION lab.add_one(bigint) RETURNS void LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO lab.patient VALUES ($1)';"
          "ALTER FUNCTION lab.add_one OWNER TO lab_owner; CREATE VIEW ours.v AS SELECT * FROM lab.patient; ALTER VIEW ours.v OWNER TO app;"
          "CREATE TABLE ours.t (id bigint); ALTER TABLE ours.t OWNER TO app; CREATE RULE r AS ON INSERT TO ours.t DO ALSO DELETE FROM lab.patient WHERE id = NEW.id",
       proof="SELECT array_agg(verb ORDER BY id) = '{INSERT,UPDATE,DELETE}' AND bool_and(login = 'app') FROM pgguard_audit.change WHERE subject = '4711'"),
    _a("names a partition, not its table", "app", VAIN, "INSERT INTO lab.result_1 VALUES (1, 1, 4711, 'a')",
       "UPDATE lab.result_1 SET value = 'b'", "DELETE FROM ONLY lab.result_1",
       proof="SELECT array_agg(verb ORDER BY id) = '{INSERT,UPDATE,DELETE}' FROM pgguard_audit.change WHERE subject = '4711'"),
    _a("locks the store with pg_write_all_data, so that writers wait", "writer", DETECTED, "BEGIN", "LOCK TABLE pgguard_audit.entry",
       proof="-- LOCKED", how="the watch cannot look, says so, and ends; whoever may lock this table may lock any other"),
    _a("ends the sessions of the watch", "killer", DETECTED,
       "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keeper' AND pid <> pg_backend_pid()", "SELECT pg_sleep(3.2)",
       proof=told("WATCH", "nobody watched"), how="the next look records that nobody watched"),
)  # fmt: skip

OWNER = (
    _a("disables the triggers of its table", "lab_owner", REFUSED, *(f"!ALTER TABLE lab.patient {how}" for how in (
        "DISABLE TRIGGER ALL", "DISABLE TRIGGER USER", "DISABLE TRIGGER pgguard_audit_update", "ENABLE TRIGGER pgguard_audit_insert",
        "ENABLE REPLICA TRIGGER pgguard_audit_delete", "ADD COLUMN extra int, DISABLE TRIGGER pgguard_audit_truncate")),
       "!ALTER TABLE lab.result_1 DISABLE TRIGGER ALL", "!ALTER TABLE lab.result DISABLE TRIGGER ALL", states=(AUDIT_OFF, NO_RIGHT)),
    _a("drops the triggers of its table", "lab_owner", REFUSED, "!DROP TRIGGER pgguard_audit_insert ON lab.patient",
       "!DROP TRIGGER pgguard_audit_insert ON lab.result_1 CASCADE", states=(AUDIT_OFF,)),
    _a("replaces the triggers of its table", "lab_owner", VAIN, SPIES_OF_OWNER,
       "CREATE OR REPLACE TRIGGER pgguard_audit_insert AFTER INSERT ON lab.patient FOR EACH STATEMENT EXECUTE FUNCTION lab.spies()",
       "CREATE OR REPLACE TRIGGER pgguard_audit_update AFTER UPDATE OF name ON lab.patient FOR EACH STATEMENT EXECUTE FUNCTION lab.spies()",
       proof="SELECT pgguard_audit.is_audited('lab.patient')"),
    _a("replaces the triggers of a table by the right TRIGGER alone", "triggers", VAIN, SPIES_OF_OWNER,
       "CREATE OR REPLACE TRIGGER pgguard_audit_insert AFTER INSERT ON lab.patient FOR EACH STATEMENT EXECUTE FUNCTION lab.spies()",
       proof="SELECT pgguard_audit.is_audited('lab.patient')"),
    _a("renames the triggers, or has them go with an extension", "lab_owner", REFUSED,
       "!ALTER TRIGGER pgguard_audit_insert ON lab.patient RENAME TO mine", "!ALTER TRIGGER pgguard_audit_insert ON lab.result RENAME TO mine",
       "!ALTER TRIGGER pgguard_audit_update ON lab.patient DEPENDS ON EXTENSION plpgsql", states=(AUDIT_OFF,)),
    _a("takes a partition out and disables its triggers", "lab_owner", REFUSED, "ALTER TABLE lab.result DETACH PARTITION lab.result_1",
       "!ALTER TABLE lab.result_1 DISABLE TRIGGER ALL", "!DROP TRIGGER pgguard_audit_insert ON lab.result_1",
       "ALTER TABLE lab.result_1 RENAME COLUMN patient TO whose", "INSERT INTO lab.result_1 VALUES (1, 1, 4711, 'a')",
       states=(AUDIT_OFF, NO_RIGHT), proof=recorded("4711", "INSERT")),
    _a("takes a child out of inheritance and disables its triggers", "lab_owner", REFUSED, "ALTER TABLE lab.stay_old NO INHERIT lab.stay",
       "!ALTER TABLE lab.stay_old DISABLE TRIGGER USER", "INSERT INTO lab.stay_old VALUES (1, 4711, 'a')", states=(AUDIT_OFF,),
       proof=recorded("4711", "INSERT")),
    _a("writes through a partitioned table above its own", "lab_owner", VAIN,
       "CREATE TABLE lab.above (id bigint, nir text, name text, value numeric, born date, weight float8, seen timestamptz) PARTITION BY RANGE (id)",
       "ALTER TABLE lab.above ATTACH PARTITION lab.patient FOR VALUES FROM (MINVALUE) TO (MAXVALUE)",
       "INSERT INTO lab.above (id, value) VALUES (4711, 1)", "UPDATE lab.above SET value = 2", "DELETE FROM lab.above",
       proof="SELECT array_agg(verb ORDER BY id) = '{INSERT,UPDATE FROM,UPDATE TO,DELETE}' AND bool_and(login = 'lab_owner')"
             " FROM pgguard_audit.change WHERE subject = '4711'"),
    _a("writes through a table that its own inherits from", "lab_owner", VAIN,
       "CREATE TABLE lab.above (id bigint, name text)",
       "ALTER TABLE lab.patient INHERIT lab.above", "INSERT INTO lab.patient (id, name) VALUES (4711, 'a')",
       "UPDATE lab.above SET name = 'b'", "DELETE FROM lab.above",
       proof="SELECT count(*) FILTER (WHERE verb = 'INSERT') = 1 AND count(*) FILTER (WHERE verb LIKE 'UPDATE%') >= 1"
             " AND count(*) FILTER (WHERE verb = 'DELETE') = 1 AND bool_and(login = 'lab_owner')"
             " FROM pgguard_audit.change WHERE relation IN ('lab.patient', 'lab.above')"),
    _a("makes children of its table, with columns of their own", "lab_owner", VAIN,
       "CREATE TABLE lab.more (extra text, PRIMARY KEY (id)) INHERITS (lab.stay)", "INSERT INTO lab.more VALUES (4711, 4711, 'a', 'x')",
       "UPDATE lab.stay SET what = 'b' WHERE id = 4711",
       proof="SELECT array_agg(verb ORDER BY id) = '{INSERT,UPDATE}' FROM pgguard_audit.change WHERE subject = '4711'"),
    _a("puts another table in the place of its own", "lab_owner", DETECTED, "ALTER TABLE lab.patient RENAME TO old",
       "CREATE TABLE lab.patient (LIKE lab.old INCLUDING ALL)", "GRANT ALL ON lab.patient TO app",
       "INSERT INTO lab.old VALUES (4711)", broken=True,
       proof=told("CREATE TABLE", "table lab.patient") + " AND EXISTS (SELECT FROM pgguard_audit.change WHERE subject = '4711')"
             " AND NOT pgguard_audit.is_audited('lab.patient')",
       how="entries tell of ALTER TABLE and CREATE TABLE; what is written to the old one is recorded; audit-missing names the new one"),
    _a("drops its table", "lab_owner", DETECTED, "DROP TABLE lab.stay CASCADE", proof=told("AUDIT OFF", "lab.stay was dropped"),
       how="an entry AUDIT OFF"),
    _a("drops and hands over all it owns", "lab_owner", DETECTED, "REASSIGN OWNED BY lab_owner TO app", "DROP OWNED BY lab_owner CASCADE",
       by="GRANT app TO lab_owner", after="REVOKE app FROM lab_owner", broken=True,
       proof=told("DROP OWNED", "%") + " OR " + told("REASSIGN OWNED", "%")[7:], how="entries of the command and of each privilege that changed"),
    _a("drops the schema with the tables of others", "schema_owner", DETECTED, "DROP SCHEMA lab CASCADE", broken=True,
       proof=told("AUDIT OFF", "lab.patient was dropped"), how="an entry AUDIT OFF for each table"),
    _a("moves and renames its table and its columns", "lab_owner", VAIN, "ALTER TABLE lab.patient RENAME COLUMN id TO x",
       "ALTER TABLE lab.patient RENAME COLUMN value TO id", "ALTER TABLE lab.patient RENAME TO other",
       "CREATE SCHEMA elsewhere", "ALTER TABLE lab.other SET SCHEMA elsewhere", "INSERT INTO elsewhere.other (x, id) VALUES (4711, 3)", broken=True,
       proof=recorded("4711", "INSERT", where="relation = 'elsewhere.other' AND new ->> 'id' = '3'")),
    _a("drops the columns of the key and of whose data it is", "lab_owner", DETECTED, "ALTER TABLE lab.visit DROP COLUMN patient",
       "ALTER TABLE lab.stay DROP COLUMN id CASCADE", "INSERT INTO lab.visit VALUES (1, 'x')", "INSERT INTO lab.stay VALUES (4711, 'x')",
       proof=told("AUDIT CHANGED", "lab.visit: %") + " AND EXISTS (SELECT FROM pgguard_audit.change WHERE subject = '4711')",
       how="an entry AUDIT CHANGED; writes go on being recorded, by a digest of the whole row where no key is left"),
    _a("adds columns that have the names of the code's variables", "lab_owner", VAIN,
       "ALTER TABLE lab.hidden ADD tag_key_ bytea DEFAULT '\\x00', ADD sealing_key_ bytea DEFAULT '\\x00', ADD o int, ADD n int, ADD u int,"
       " ADD new_rows int, ADD old int, ADD new int, ADD tg_op text, ADD entry int",
       "INSERT INTO lab.hidden (nir) VALUES ('1850275123456')", "UPDATE lab.hidden SET what = 'y'", "DELETE FROM lab.hidden",
       proof="SELECT count(*) = 3 AND bool_and(subject = pgguard_audit.tag('1850275123456')) FROM pgguard_audit.change WHERE relation = 'lab.hidden'"),
    _a("names tables and columns to break the code", "lab_owner", VAIN, "SET standard_conforming_strings = off",
       'CREATE TABLE lab."a\'b""c\\d%s%I$code$\n$$;--" ("k\'""\\%s\n$code$" int PRIMARY KEY, "o.x, n.y) --\n" text, "%1$I" int, "$1" text)',
       'ALTER TABLE lab."a\'b""c\\d%s%I$code$\n$$;--" ADD "E\'\\\\\' ||" text DEFAULT \'x\'',
       'INSERT INTO lab."a\'b""c\\d%s%I$code$\n$$;--" VALUES (1), (2)', 'UPDATE lab."a\'b""c\\d%s%I$code$\n$$;--" SET "%1$I" = 5 WHERE "$1" IS NULL',
       'DELETE FROM lab."a\'b""c\\d%s%I$code$\n$$;--"', "RESET standard_conforming_strings",
       by="INSERT INTO pgguard_audit.covered VALUES ('lab')",
       proof="SELECT count(*) = 6 AND bool_and(verb IN ('INSERT', 'UPDATE', 'DELETE')) AND bool_and(key IN ('1', '2')) FROM pgguard_audit.change"
             " WHERE relation LIKE '%code%'"),
    _a("alters its table under odd settings", "lab_owner", VAIN, "SET quote_all_identifiers = on", "SET standard_conforming_strings = off",
       "SET plpgsql.extra_errors = 'all'", "SET check_function_bodies = off", "SET search_path = lab, pg_temp", "SET DateStyle = 'German'",
       "SET default_transaction_isolation = 'serializable'", "SET row_security = off",
       "ALTER TABLE lab.patient ADD extra date", "ALTER TABLE lab.patient RENAME extra TO more",
       proof="SELECT bool_and(pgguard_audit.is_audited(relation)) FROM pgguard_audit.audited"),
    _a("changes the values of a column without a trigger", "lab_owner", DETECTED, PUT,
       "ALTER TABLE lab.patient ALTER value TYPE numeric(10, 1) USING value * 2", proof=told("TABLE REWRITE", "lab.patient", "new = '{values of a column}'"),
       broken=True, how="an entry TABLE REWRITE that says why"),
    _a("truncates", "lab_owner", REFUSED, "!TRUNCATE lab.patient CASCADE", "!TRUNCATE ONLY lab.stay", "!TRUNCATE lab.result", "!TRUNCATE lab.result_1",
       "!TRUNCATE lab.stay_old", "CREATE TABLE lab.ref (id int PRIMARY KEY)", "ALTER TABLE lab.stay ADD FOREIGN KEY (id) REFERENCES lab.ref",
       "!TRUNCATE lab.ref CASCADE", "!TRUNCATE lab.patient RESTART IDENTITY CASCADE", states=(NO_TRUNCATE,)),
    _a("has types of its own do the work", "lab_owner", VAIN, SPY_OF_OWNER,
       "CREATE TYPE lab.mood AS ENUM ('sad', 'happy')", "CREATE TYPE lab.pair AS (a int, b text)", "CREATE DOMAIN lab.code AS text CHECK (VALUE <> '' AND lab.spy())",
       "CREATE TYPE lab.span AS RANGE (subtype = float8)",
       "CREATE FUNCTION lab.m(lab.mood) RETURNS text LANGUAGE sql AS 'SELECT lab.spy()::text'",
       "CREATE CAST (lab.mood AS text) WITH FUNCTION lab.m(lab.mood) AS IMPLICIT",
       "CREATE FUNCTION lab.p(lab.pair) RETURNS text LANGUAGE sql AS 'SELECT lab.spy()::text'",
       "CREATE CAST (lab.pair AS text) WITH FUNCTION lab.p(lab.pair) AS IMPLICIT",
       "CREATE FUNCTION lab.e(lab.mood, lab.mood) RETURNS boolean LANGUAGE sql AS 'SELECT lab.spy()'",
       "CREATE OPERATOR lab.= (LEFTARG = lab.mood, RIGHTARG = lab.mood, FUNCTION = lab.e)",
       "CREATE FUNCTION lab.e(lab.pair, lab.pair) RETURNS boolean LANGUAGE sql AS 'SELECT lab.spy()'",
       "CREATE OPERATOR lab.= (LEFTARG = lab.pair, RIGHTARG = lab.pair, FUNCTION = lab.e)",
       "CREATE TABLE lab.odd (mood lab.mood, pair lab.pair, code lab.code, span lab.span, moods lab.mood[], patient int, PRIMARY KEY (mood, pair, code))",
       "GRANT ALL ON lab.odd TO app", "INSERT INTO lab.odd VALUES ('sad', (1, 'x'), 'c', '[1,2)', '{sad}', 1)", "UPDATE lab.odd SET mood = 'happy', pair = (2, 'y')",
       "DELETE FROM lab.odd", by="INSERT INTO pgguard_audit.covered VALUES ('lab')",
       proof="SELECT count(*) = 4 FROM pgguard_audit.change WHERE relation = 'lab.odd'"),
    _a("puts code into indexes, constraints, defaults, policies, triggers and rules", "lab_owner", VAIN, SPY_OF_OWNER, SPIES_OF_OWNER,
       "CREATE FUNCTION lab.i(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM lab.spy(); RETURN $1; END'",
       "CREATE INDEX ON lab.patient (lab.i(name)) WHERE lab.i(name) <> ''", "ALTER TABLE lab.patient ADD CHECK (lab.spy())",
       "ALTER TABLE lab.patient ADD made text GENERATED ALWAYS AS (lab.i(name)) STORED", "ALTER TABLE lab.patient ALTER nir SET DEFAULT lab.spy()::text",
       "ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", "CREATE POLICY p ON lab.patient USING (lab.spy()) WITH CHECK (lab.spy())",
       "CREATE TRIGGER a BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE FUNCTION lab.spies()",
       "CREATE TRIGGER zz AFTER INSERT ON lab.patient FOR EACH ROW WHEN (lab.spy()) EXECUTE FUNCTION lab.spies()",
       "CREATE TRIGGER pgguard AFTER INSERT ON lab.patient FOR EACH STATEMENT EXECUTE FUNCTION lab.spies()",
       "CREATE RULE also AS ON INSERT TO lab.patient DO ALSO SELECT lab.spy()", "INSERT INTO lab.patient (id, name) VALUES (4711, 'x')",
       "UPDATE lab.patient SET name = 'y' WHERE id = 4711",
       proof="SELECT array_agg(verb ORDER BY id) = '{INSERT,UPDATE}' FROM pgguard_audit.change WHERE subject = '4711'"
             " HAVING (SELECT count(*) FROM lab.ran WHERE who = 'lab_owner') > 5"),
    _a("lets a rule send writes elsewhere", "lab_owner", DETECTED, "CREATE TABLE lab.shadow (LIKE lab.patient)",
       "CREATE RULE elsewhere AS ON INSERT TO lab.patient DO INSTEAD INSERT INTO lab.shadow VALUES (NEW.id)", broken=True,
       proof=told("CREATE RULE", "rule elsewhere on lab.patient"), how="an entry CREATE RULE; nothing is written to the audited table then"),
    _a("drops or alters the event triggers and the functions", "lab_owner", REFUSED, "!DROP EVENT TRIGGER pgguard_audit_ddl",
       "!ALTER EVENT TRIGGER pgguard_audit_drop DISABLE", "!DROP FUNCTION pgguard_audit.audit_insert_1() CASCADE",
       "!ALTER FUNCTION pgguard_audit.audit_insert_1() SET search_path = lab", "!CREATE OR REPLACE FUNCTION pgguard_audit.note(text, text, text[], text[])"
       " RETURNS void LANGUAGE sql AS ''", "!DROP SCHEMA pgguard_audit CASCADE", "!DROP OWNED BY pgguard_audit_owner CASCADE", "!DROP FUNCTION pgguard.identify",
       "!CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION pgguard_audit.on_ddl()"),
    _a("makes a comment that has its function given to a superuser", "lab_owner", VAIN, SPY_OF_OWNER.replace("AS\n", "SECURITY DEFINER AS\n"),
       "COMMENT ON FUNCTION lab.spy() IS 'pgguard, as superuser: mine'", "SELECT lab.spy()",
       proof="SELECT pgguard_audit.settle()::text IS NOT NULL AND (SELECT proowner = 'lab_owner'::regrole FROM pg_proc WHERE proname = 'spy')"),
    _a("gives objects names that look temporary", "lab_owner", DETECTED, "SET standard_conforming_strings = off",
       "CREATE PUBLICATION pg_temp_1 FOR TABLE lab.patient", "CREATE SCHEMA pgxtemp", "CREATE TABLE pgxtemp.copy AS SELECT * FROM lab.patient",
       proof=told("CREATE PUBLICATION", "publication pg_temp_1") + " AND " + told("CREATE TABLE AS", "table pgxtemp.copy")[7:], how="entries of the commands"),
    _a("makes tables in a schema that is covered", "lab_owner", VAIN, "CREATE TABLE lab.made (id int PRIMARY KEY, nir text)",
       "CREATE TABLE lab.made_too AS SELECT 1 AS id", "SELECT 2 AS id INTO lab.made_three", "INSERT INTO lab.made VALUES (1)", "INSERT INTO lab.made_too VALUES (1)",
       "INSERT INTO lab.made_three VALUES (1)", by="INSERT INTO pgguard_audit.covered VALUES ('lab')",
       proof="SELECT count(DISTINCT relation) = 3 FROM pgguard_audit.change WHERE relation LIKE 'lab.made%' AND verb = 'INSERT'"),
)  # fmt: skip

ADMINISTRATORS = (
    _a("sets what switches triggers off, as the owner of the database", "db_owner", REFUSED,
       "!ALTER DATABASE {database} SET session_replication_role = replica", "!DROP EXTENSION plpgsql CASCADE",
       "!VACUUM FULL pgguard_audit.entry", "!REINDEX TABLE pgguard_audit.entry", "!GRANT pgguard_audit_owner TO db_owner",
       "!CREATE TABLE pgguard_audit.mine (a int)", "!ALTER SCHEMA pgguard_audit RENAME TO gone"),
    _a("gives all sessions a claim, as the owner of the database", "db_owner", REFUSED,
       "!ALTER DATABASE {database} SET pgguard.claim = 'Dr. House'"),
    _a("becomes the auditor", "maker", REFUSED, "!GRANT pgguard_audit_owner TO maker", "!ALTER ROLE pgguard_audit_owner LOGIN",
       "!GRANT pgguard_audit_keeper TO maker", "!ALTER ROLE boss PASSWORD 'x'", "!DROP ROLE pgguard_audit_owner", "!ALTER ROLE app RENAME TO other",
       since=16),
    _a("becomes the auditor", "maker", DETECTED, "GRANT pgguard_audit_owner TO maker", "SET ROLE pgguard_audit_owner",
       "!DELETE FROM pgguard_audit.entry", "!TRUNCATE pgguard_audit.entry", "!ALTER TABLE pgguard_audit.entry DISABLE TRIGGER ALL",
       "!DROP TRIGGER pgguard_append_only ON pgguard_audit.entry", "!DROP TABLE pgguard_audit.entry CASCADE", "!DROP FUNCTION pgguard_audit.note CASCADE",
       "!CREATE OR REPLACE FUNCTION pgguard_audit.refresh(table_ regclass) RETURNS void LANGUAGE sql AS ''", "!DROP SCHEMA pgguard_audit CASCADE",
       "!DROP OWNED BY pgguard_audit_owner CASCADE",
       until=15, states=(APPEND_ONLY, NO_RIGHT, AUDIT_OFF, "2BP01", "42883", "42P01", "3F000"), after="REVOKE pgguard_audit_owner FROM maker",
       proof=told("WATCH", "membership of maker in pgguard_audit_owner%"), how="an entry of the watch, and the check audit-tamperable beforehand"),
    _a("as the auditor makes functions that superusers would run", "maker", REFUSED, "SET ROLE pgguard_audit_owner",
       "!CREATE FUNCTION pgguard_audit.spy() RETURNS boolean LANGUAGE plpgsql AS"
       " 'BEGIN INSERT INTO lab.ran SELECT current_user WHERE current_user <> ''pgguard_audit_owner''; RETURN true; END'",
       "!ALTER FUNCTION pgguard_audit.note(text, text, text[], text[]) SECURITY INVOKER", "!ALTER FUNCTION pgguard_audit.audit_insert_1() SECURITY INVOKER",
       "!CREATE FUNCTION pgguard_audit.note(text, text) RETURNS void LANGUAGE sql AS ''",
       "CREATE FUNCTION pgguard_audit.spies() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
       " 'BEGIN INSERT INTO lab.ran SELECT ''superuser '' || current_user WHERE current_user <> ''pgguard_audit_owner''; RETURN NULL; END'",
       "!CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON pgguard_audit.audited FOR EACH STATEMENT EXECUTE FUNCTION pgguard_audit.spies()",
       "ALTER TABLE pgguard_audit.covered RENAME TO c", "CREATE VIEW pgguard_audit.covered AS SELECT 'lab'::text AS schema",
       "RESET ROLE", "CREATE TABLE lab.new (id int PRIMARY KEY)", "ALTER TABLE lab.new ADD a int", "DROP TABLE lab.new",
       states=(AUDIT_OFF,), proof="SELECT NOT EXISTS (SELECT FROM lab.ran)",
       by="GRANT pgguard_audit_owner TO maker; GRANT ALL ON SCHEMA lab TO maker; ALTER DEFAULT PRIVILEGES FOR ROLE pgguard_audit_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
       after="REVOKE pgguard_audit_owner FROM maker"),
)  # fmt: skip

SUPERUSERS = (
    _a("disables triggers", "boss", DETECTED, "ALTER TABLE lab.patient DISABLE TRIGGER pgguard_audit_update", proof=told("AUDIT OFF", "trigger pgguard_audit_update on lab.patient"),
       broken=True, how="an entry AUDIT OFF"),
    _a("drops triggers", "boss", DETECTED, "DROP TRIGGER pgguard_audit_update ON lab.patient", proof=told("AUDIT OFF", "pgguard_audit_update on lab.patient"), broken=True,
       how="an entry AUDIT OFF"),
    _a("switches event triggers off, does it, and switches them on again", "boss", DETECTED, "ALTER EVENT TRIGGER pgguard_audit_ddl DISABLE",
       "ALTER TABLE lab.patient DISABLE TRIGGER ALL", PUT, *(f"ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER pgguard_audit_{one}" for one in ("insert", "update", "delete", "truncate")),
       "ALTER EVENT TRIGGER pgguard_audit_ddl ENABLE ALWAYS",
       proof=told("WATCH", "event trigger pgguard_audit_ddl") + " AND " + told("WATCH", "audited table lab.patient")[7:], how="entries of the watch: the rows' versions are others"),
    _a("sets event_triggers off, does it, and sets it on again", "boss", DETECTED, "SET event_triggers = off", "ALTER TABLE lab.patient DISABLE TRIGGER ALL", PUT,
       *(f"ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER pgguard_audit_{one}" for one in ("insert", "update", "delete", "truncate")),
       proof=told("WATCH", "audited table lab.patient"), since=17, how="an entry of the watch: the triggers' rows have other versions"),
    _a("drops the event triggers", "boss", DETECTED, "DROP EVENT TRIGGER pgguard_audit_ddl", "DROP EVENT TRIGGER pgguard_audit_drop",
       proof=told("WATCH", "event trigger pgguard_audit_ddl", "new = '{NULL}'"), how="an entry of the watch", broken=True),
    _a("grants while no event trigger looks", "boss", DETECTED, "ALTER EVENT TRIGGER pgguard_audit_ddl DISABLE", "GRANT SELECT ON lab.patient TO reader",
       "ALTER EVENT TRIGGER pgguard_audit_ddl ENABLE ALWAYS", proof=told("WATCH", "lab.patient", "new::text LIKE '%reader=r%'"), how="an entry of the watch"),
    _a("writes as a replica", "boss", DETECTED, "SET session_replication_role = replica", PUT,
       proof="SELECT count(*) = 1 AND bool_and(login = 'boss') FROM pgguard_audit.change WHERE subject = '4711'", how="what it writes is recorded: the triggers fire ALWAYS"),
    _a("changes and deletes entries", "boss", REFUSED, "!UPDATE pgguard_audit.entry SET login = 'app'", "!DELETE FROM pgguard_audit.entry", "!TRUNCATE pgguard_audit.entry",
       "!DELETE FROM pgguard_audit.entry_rest", "!UPDATE pgguard_audit.shape SET recorded = '{}'", states=(APPEND_ONLY,)),
    _a("disables the guard and deletes entries", "boss", DETECTED, "ALTER TABLE pgguard_audit.entry DISABLE TRIGGER ALL", "DELETE FROM pgguard_audit.entry WHERE verb = 'AUDIT ON'",
       proof=told("AUDIT OFF", "trigger pgguard_append_only on pgguard_audit.entry"), how="an entry AUDIT OFF, the watch, and the seals"),
    _a("changes the catalogs directly", "boss", DETECTED, "SET allow_system_table_mods = on", "UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'pgguard_audit_update'",
       proof=told("WATCH", "audited table lab.patient", "new = '{NOT every write is recorded}'"), broken=True, how="an entry of the watch"),
    _a("writes other code into an audit function", "boss", DETECTED,
       "DO $$ BEGIN EXECUTE format('CREATE OR REPLACE FUNCTION %s RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS %L',"
       " (SELECT tgfoid::regprocedure FROM pg_trigger WHERE tgname = 'pgguard_audit_update' AND tgrelid = 'lab.patient'::regclass), 'BEGIN RETURN NULL; END'); END $$",
       proof=told("CREATE FUNCTION", "function pgguard_audit.audit_update_%") + " AND NOT pgguard_audit.is_audited('lab.patient') AND "
             + told("WATCH", "audited table lab.patient", "new = '{NOT every write is recorded}'")[7:], broken=True, how="entries of the command and of the watch; is_audited says no"),
    _a("changes what is audited in the tables of the audit", "boss", DETECTED, "UPDATE pgguard_audit.audited_column SET class = 'mark'",
       "UPDATE pgguard_audit.audited SET truncate_allowed = true", proof=told("WATCH", "configuration of the audit audited%"), how="entries of the watch"),
    _a("writes as somebody else", "boss", DETECTED, "SET SESSION AUTHORIZATION app", PUT,
       proof="SELECT login = 'app' AND authenticated = 'boss' FROM pgguard_audit.change WHERE subject = '4711'", how="authenticated tells who it was"),
    _a("changes roles, memberships, settings and grants on parameters", "boss", DETECTED, "ALTER ROLE app2 SUPERUSER", "GRANT pg_execute_server_program TO reader",
       "ALTER ROLE app SET session_replication_role = replica", "ALTER SYSTEM SET session_preload_libraries = ''", "ALTER ROLE app2 PASSWORD 'new'", "CREATE ROLE hole LOGIN",
       after="ALTER ROLE app2 NOSUPERUSER PASSWORD NULL; REVOKE pg_execute_server_program FROM reader; ALTER ROLE app RESET ALL; DROP ROLE hole",
       proof="SELECT count(*) = 5 FROM pgguard_audit.entry WHERE verb = 'WATCH' AND (object LIKE 'membership of reader in pg_execute_server_program, by %'"
             " OR object IN ('role app2', 'setting of a role or database session_replication_role of app in all databases', 'configuration session_preload_libraries in postgresql.auto.conf', 'role hole'))"
             " AND NOT EXISTS (SELECT FROM pgguard_audit.entry WHERE old::text || new::text ~ 'SCRAM-SHA-256\\$')", how="entries of the watch"),
    _a("grants SET on a parameter", "boss", DETECTED, "GRANT SET ON PARAMETER session_replication_role TO app2", since=15,
       proof=told("WATCH", "parameter session_replication_role"), after="REVOKE SET ON PARAMETER session_replication_role FROM app2", how="an entry of the watch"),
    _a("takes a partition of the store away", "boss", DETECTED, "ALTER TABLE pgguard_audit.entry DETACH PARTITION pgguard_audit.entry_rest", "DROP TABLE pgguard_audit.entry_rest",
       proof=told("WATCH", "store pgguard_audit.entry_rest", "new = '{NULL}'") + " AND " + told("DROP TABLE", "table pgguard_audit.entry_rest")[7:],
       how="entries of the commands and of the watch, and the seals"),
    _a("gives somebody rights on the store", "boss", DETECTED, "GRANT UPDATE ON pgguard_audit.entry TO app", "GRANT pgguard_audit_owner TO app",
       "ALTER TABLE pgguard_audit.entry DISABLE ROW LEVEL SECURITY", after="REVOKE pgguard_audit_owner FROM app",
       proof=told("GRANT", "pgguard_audit.entry") + " AND " + told("WATCH", "membership of app in pgguard_audit_owner%")[7:] + " AND " + told("WATCH", "store pgguard_audit.entry")[7:],
       how="entries of GRANT and of the watch"),
)  # fmt: skip

ATTACKS = (*STORE, *SESSION, *OWNER, *ADMINISTRATORS, *SUPERUSERS)

_WHO = {
    "app": "a login of the application",
    "app2": "a login that has a key",
    "lab_owner": "the tables' owner",
    "schema_owner": "the schema's owner",
    "triggers": "who has TRIGGER on a table",
    "db_owner": "the database's owner",
    "maker": "CREATEROLE",
    "writer": "pg_write_all_data",
    "reader": "pg_read_all_data",
    "killer": "pg_signal_backend",
    "maintainer": "pg_maintain",
    "boss": "a superuser",
}
_HOW = {REFUSED: "an error, {}", VAIN: "what is written is recorded as ever"}


def table() -> list[str]:
    """The attacks as the lines of a table, as docs/audit-threats.md has them."""
    lines = ["| who | what | ends | how, or what tells of it |", "|---|---|---|---|"]
    for one in ATTACKS:
        how = one.how or _HOW[one.ending].format(" or ".join(one.states[:3]))
        until = f" (to {one.until})" if one.until < 99 else ""
        since = f" (from {one.since} on)" if one.since > 14 else ""
        lines.append(f"| {_WHO[one.who]} | {one.name}{since}{until} | {one.ending} | {how} |")
    return lines
