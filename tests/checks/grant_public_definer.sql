-- fires: public.f(integer)
-- evidence: PUBLIC runs it with the rights of a superuser
-- severity: high
CREATE ROLE c_martin LOGIN;
CREATE FUNCTION public.f(a integer) RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1';

-- fires: apart.f()
-- evidence: no login gets as far as the schema today
-- severity: low
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA apart;
CREATE FUNCTION apart.f() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';

-- fires: lab
-- evidence: PUBLIC runs 21 functions with the rights of lab_owner: lab.f1()
CREATE ROLE c_martin LOGIN;
CREATE ROLE lab_owner;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
GRANT USAGE ON SCHEMA lab TO c_martin;
SET LOCAL ROLE lab_owner;
DO $do$ BEGIN FOR n IN 1..21 LOOP
    EXECUTE format('CREATE FUNCTION lab.f%s() RETURNS integer LANGUAGE sql SECURITY DEFINER AS ''SELECT 1''', n);
END LOOP; END $do$;
RESET ROLE;

-- silent: revoked, a trigger function, an extension's
CREATE ROLE c_martin LOGIN;
CREATE FUNCTION public.f(a integer) RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION public.f(integer) FROM PUBLIC;
CREATE FUNCTION public.t() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END';
CREATE EXTENSION pgcrypto;

-- fires: lab
-- evidence: PUBLIC runs 21 functions with the rights of a superuser: s1.f(), s10.f(), s11.f() and 18 more
CREATE ROLE app LOGIN;
DO $do$ BEGIN FOR n IN 1..21 LOOP
    EXECUTE format('CREATE SCHEMA s%s', n);
    EXECUTE format('GRANT USAGE ON SCHEMA s%s TO app', n);
    EXECUTE format('CREATE FUNCTION s%s.f() RETURNS integer LANGUAGE sql SECURITY DEFINER AS ''SELECT 1''', n);
END LOOP; END $do$;

-- silent: what pgguard keeps for encrypted columns
CREATE ROLE app LOGIN;
CREATE ROLE pgguard_keys NOLOGIN;
CREATE SCHEMA pgguard;
GRANT USAGE ON SCHEMA pgguard TO PUBLIC;
CREATE FUNCTION pgguard.lock() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT';
GRANT CREATE ON SCHEMA pgguard TO pgguard_keys;
ALTER FUNCTION pgguard.lock() OWNER TO pgguard_keys;
REVOKE CREATE ON SCHEMA pgguard FROM pgguard_keys;

-- fires: pgguard.lock()
CREATE ROLE app LOGIN;
CREATE SCHEMA pgguard;
GRANT USAGE ON SCHEMA pgguard TO PUBLIC;
CREATE FUNCTION pgguard.lock() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT';
