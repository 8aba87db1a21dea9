-- fires: deputy
-- evidence: deputy can SET ROLE admins -> admins can SET ROLE boss
CREATE ROLE boss SUPERUSER NOLOGIN;
CREATE ROLE admins NOINHERIT IN ROLE boss;
CREATE ROLE deputy LOGIN IN ROLE admins;

-- fires: helpdesk
-- evidence: helpdesk can grant pg_execute_server_program (ADMIN OPTION)
-- versions: 16-
CREATE ROLE helpdesk LOGIN CREATEROLE;
GRANT pg_execute_server_program TO helpdesk WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;

-- fires: heir
-- evidence: heir has the rights of boss -> who has the rights of superuser boss changes FUNCTION public.own()
-- versions: 16-
CREATE ROLE boss SUPERUSER NOLOGIN;
CREATE ROLE heir LOGIN;
GRANT boss TO heir WITH INHERIT TRUE, SET FALSE;
CREATE FUNCTION public.own() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION public.own() OWNER TO boss;

-- fires: vendor
-- evidence: vendor owns lab.audit(), trigger function of lab.patient
-- evidence: it takes superuser postgres to write to lab.patient
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text);
CREATE ROLE vendor LOGIN;
CREATE FUNCTION lab.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION lab.audit() OWNER TO vendor;
CREATE TRIGGER audit BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.audit();

-- fires: reporting
-- evidence: reporting may add triggers to lab.patient
CREATE SCHEMA lab;
CREATE TABLE lab.patient (nir text);
CREATE ROLE reporting LOGIN;
GRANT USAGE ON SCHEMA lab TO reporting;
GRANT ALL ON lab.patient TO reporting;

-- fires: vendor
-- evidence: function of event trigger ddl
-- evidence: a superuser to run DDL in lab
CREATE SCHEMA vendor;
CREATE ROLE vendor LOGIN;
GRANT USAGE ON SCHEMA vendor TO vendor;
CREATE FUNCTION vendor.ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
ALTER FUNCTION vendor.ddl() OWNER TO vendor;
CREATE EVENT TRIGGER ddl ON ddl_command_end EXECUTE PROCEDURE vendor.ddl();

-- fires: analyst
-- evidence: analyst may execute lab.total(integer) -> lab.total(integer) looks names up in its caller's search_path
CREATE SCHEMA lab;
CREATE ROLE analyst LOGIN;
GRANT USAGE ON SCHEMA lab TO analyst;
CREATE SCHEMA analyst AUTHORIZATION analyst;
CREATE FUNCTION lab.total(n integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
AS 'BEGIN RETURN n + 1; END';
REVOKE EXECUTE ON FUNCTION lab.total(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lab.total(integer) TO analyst;

-- fires: PUBLIC
-- evidence: PUBLIC may execute lab.total(integer)
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE one LOGIN;
CREATE ROLE two LOGIN;
GRANT CREATE ON SCHEMA public TO PUBLIC;
-- what everybody may do is not told again of one who could have another do it
CREATE TABLE lab.log (what text);
ALTER TABLE lab.log OWNER TO one;
GRANT INSERT ON lab.log TO two;
CREATE FUNCTION lab.total(n integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
AS 'BEGIN RETURN n + 1; END';

-- fires: exporter
-- evidence: lo_export(oid, text), which writes the server's files
-- versions: 11-
CREATE ROLE exporter LOGIN;
GRANT EXECUTE ON FUNCTION pg_catalog.lo_export(oid, text) TO exporter;

-- fires: clerk
-- evidence: clerk may execute lab.total(integer)
-- severity: high
-- versions: 11-
CREATE SCHEMA lab;
CREATE ROLE file_reader NOLOGIN;
GRANT pg_read_server_files TO file_reader;
CREATE ROLE clerk LOGIN;
GRANT USAGE ON SCHEMA lab TO clerk;
CREATE SCHEMA clerk AUTHORIZATION clerk;
CREATE FUNCTION lab.total(n integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
AS 'BEGIN RETURN n + 1; END';
ALTER FUNCTION lab.total(integer) OWNER TO file_reader;
REVOKE EXECUTE ON FUNCTION lab.total(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lab.total(integer) TO clerk;

-- silent: ordinary roles of a server that is looked after
CREATE SCHEMA lab;
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE lab_reader NOLOGIN;
CREATE ROLE app LOGIN IN ROLE lab_reader;
CREATE ROLE monitor LOGIN;
GRANT pg_monitor TO monitor;
CREATE ROLE standby LOGIN REPLICATION;
ALTER SCHEMA lab OWNER TO lab_owner;
CREATE TABLE lab.patient (nir text);
ALTER TABLE lab.patient OWNER TO lab_owner;
GRANT USAGE ON SCHEMA lab TO lab_reader;
GRANT SELECT, INSERT, UPDATE ON lab.patient TO lab_reader;
CREATE FUNCTION lab.audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION lab.audit() OWNER TO lab_owner;
CREATE TRIGGER audit BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.audit();
CREATE FUNCTION lab.total(n integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN n + 1; END';

-- silent: CREATEROLE without ADMIN OPTION on anything that is strong
-- versions: 16-
CREATE ROLE helpdesk LOGIN CREATEROLE;
CREATE ROLE lab_reader NOLOGIN;
GRANT lab_reader TO helpdesk WITH ADMIN OPTION;

-- silent: neither inherited nor SET
-- versions: 16-
CREATE ROLE boss SUPERUSER NOLOGIN;
CREATE ROLE auditor LOGIN;
GRANT boss TO auditor WITH INHERIT FALSE, SET FALSE, ADMIN TRUE;

-- silent: declared administrators
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE boss SUPERUSER NOLOGIN;
CREATE ROLE dba_martin LOGIN IN ROLE boss;

-- silent: a caller that can make no object at all bends nothing
CREATE SCHEMA lab;
CREATE ROLE analyst LOGIN;
GRANT USAGE ON SCHEMA lab TO analyst;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE FUNCTION lab.total(n integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
AS 'BEGIN RETURN n + 1; END';
REVOKE EXECUTE ON FUNCTION lab.total(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lab.total(integer) TO analyst;

-- silent: who may not enter the database bends nothing there
CREATE SCHEMA lab;
CREATE ROLE analyst LOGIN;
GRANT USAGE ON SCHEMA lab TO analyst;
CREATE SCHEMA analyst AUTHORIZATION analyst;
REVOKE CONNECT ON DATABASE lab FROM PUBLIC;
CREATE FUNCTION lab.total(n integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
AS 'BEGIN RETURN n + 1; END';

-- silent: the trigger is switched off, and the caller has no way to the schema
CREATE SCHEMA lab;
CREATE TABLE lab.patient (nir text);
CREATE ROLE vendor LOGIN;
CREATE FUNCTION public.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION public.audit() OWNER TO vendor;
CREATE TRIGGER audit BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE public.audit();
ALTER TABLE lab.patient DISABLE TRIGGER audit;
CREATE FUNCTION lab.total(n integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
AS 'BEGIN RETURN n + 1; END';

-- silent: powers that only read are told elsewhere
-- versions: 14-
CREATE ROLE reader LOGIN;
GRANT pg_read_all_data, pg_read_server_files TO reader;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO reader;
GRANT SELECT ON pg_catalog.pg_authid TO reader;
CREATE ROLE standby LOGIN REPLICATION;

-- silent: a power as good as superuser that a login simply holds is told by role-superuser-equivalent
-- versions: 15-
CREATE ROLE imports LOGIN;
GRANT pg_write_server_files TO imports;
CREATE ROLE importers;
GRANT pg_execute_server_program TO importers;
CREATE ROLE one LOGIN IN ROLE importers;
CREATE ROLE ops LOGIN;
GRANT ALTER SYSTEM ON PARAMETER shared_preload_libraries TO ops;
CREATE ROLE coder LOGIN;
UPDATE pg_catalog.pg_language SET lanpltrusted = true WHERE lanname = 'internal';
REVOKE USAGE ON LANGUAGE internal FROM PUBLIC;
GRANT USAGE ON LANGUAGE internal TO coder;

-- silent: CREATEROLE before 16, told there too
-- versions: 11-15
CREATE ROLE helpdesk LOGIN CREATEROLE;

-- fires: imports
-- evidence: imports owns lab.audit(), trigger function of lab.patient
-- versions: 11-
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text);
CREATE ROLE imports LOGIN;
GRANT pg_write_server_files TO imports;
CREATE FUNCTION lab.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION lab.audit() OWNER TO imports;
CREATE TRIGGER audit BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.audit();

-- fires: imports
-- evidence: imports can SET ROLE boss
-- versions: 11-
CREATE ROLE boss SUPERUSER NOLOGIN;
CREATE ROLE imports LOGIN IN ROLE boss;
GRANT pg_write_server_files TO imports;

-- fires: writer
-- evidence: looks table patient up in its caller's temporary objects
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text);
CREATE ROLE writer LOGIN;
CREATE FUNCTION lab.total() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = lab
AS 'BEGIN RETURN (SELECT count(*) FROM patient); END';
REVOKE EXECUTE ON FUNCTION lab.total() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lab.total() TO writer;

-- silent: nobody may make temporary objects, and what the body names is qualified
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text);
CREATE ROLE writer LOGIN;
CREATE SCHEMA writer AUTHORIZATION writer;
REVOKE TEMPORARY ON DATABASE lab FROM PUBLIC;
CREATE FUNCTION lab.total() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = lab
AS 'BEGIN RETURN (SELECT count(*) FROM patient); END';
CREATE FUNCTION lab.qualified() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
AS 'BEGIN RETURN (SELECT pg_catalog.count(*) FROM lab.patient); END';

-- fires: clerk
-- evidence: lab.new_password(text, text) sets the password of the role that its caller names, as superuser postgres
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE clerk LOGIN;
CREATE FUNCTION lab.new_password(who text, word text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $f$ BEGIN EXECUTE format('ALTER ROLE %I WITH PASSWORD %L', who, word); END $f$;
REVOKE EXECUTE ON FUNCTION lab.new_password(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lab.new_password(text, text) TO clerk;

-- silent: the function asks first whose password it is, or changes the caller's own, or grants one role
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE clerk LOGIN;
CREATE ROLE reader NOLOGIN;
CREATE FUNCTION lab.new_password(who text, word text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $f$ BEGIN
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = who AND rolsuper) THEN
        RAISE EXCEPTION 'not this one';
    END IF;
    EXECUTE format('ALTER ROLE %I WITH PASSWORD %L', who, word);
END $f$;
CREATE FUNCTION lab.own_password(word text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $f$ BEGIN EXECUTE format('ALTER ROLE %I WITH PASSWORD %L', session_user, word); END $f$;
CREATE FUNCTION lab.enrol(who text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $f$ BEGIN EXECUTE format('GRANT reader TO %I', who); END $f$;
