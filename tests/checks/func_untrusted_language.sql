-- fires: public.run(text)
-- evidence: PUBLIC can run this plwild function
CREATE ROLE c_martin LOGIN;
CREATE LANGUAGE plwild HANDLER pg_catalog.plpgsql_call_handler;
CREATE FUNCTION public.run(command text) RETURNS text LANGUAGE plwild AS 'BEGIN RETURN 1; END';

-- fires: public.f()
-- evidence: c_martin can run this internal function
CREATE ROLE c_martin LOGIN;
CREATE FUNCTION public.f() RETURNS text LANGUAGE internal AS 'pgsql_version';
REVOKE EXECUTE ON FUNCTION public.f() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.f() TO c_martin;

-- fires: lab
-- evidence: 6 plwild functions
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE LANGUAGE plwild HANDLER pg_catalog.plpgsql_call_handler;
DO $do$ BEGIN FOR n IN 1..6 LOOP
    EXECUTE format('CREATE FUNCTION lab.f%s() RETURNS integer LANGUAGE plwild AS ''BEGIN RETURN 1; END''', n);
END LOOP; END $do$;

-- silent: superusers and administrators only; a schema nobody enters; a trusted language; a trigger function
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE c_martin LOGIN;
CREATE ROLE dba_martin LOGIN;
CREATE SCHEMA apart;
CREATE LANGUAGE plwild HANDLER pg_catalog.plpgsql_call_handler;
CREATE FUNCTION public.run(command text) RETURNS text LANGUAGE plwild AS 'BEGIN RETURN 1; END';
REVOKE EXECUTE ON FUNCTION public.run(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.run(text) TO dba_martin;
CREATE FUNCTION apart.run() RETURNS text LANGUAGE plwild AS 'BEGIN RETURN 1; END';
CREATE FUNCTION public.fired() RETURNS trigger LANGUAGE plwild AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION public.g() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';

-- silent: functions of an extension
CREATE ROLE c_martin LOGIN;
CREATE EXTENSION pgcrypto;
