-- fires: lab.chercher(text)
-- evidence: sets no search_path
-- severity: high
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE FUNCTION lab.chercher(champ text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::bigint';

-- fires: lab.f()
-- evidence: searches schema work, where c_martin can create objects
-- severity: high
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
CREATE SCHEMA work;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
GRANT CREATE ON SCHEMA work TO PUBLIC;
CREATE FUNCTION lab.f() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = work, pg_temp AS 'SELECT 1';

-- fires: lab.f()
-- evidence: searches schema lab, where helper can create objects
CREATE ROLE makers;
CREATE ROLE helper LOGIN NOINHERIT IN ROLE makers;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
GRANT CREATE ON SCHEMA lab TO makers;
CREATE FUNCTION lab.f() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = lab, pg_temp AS 'SELECT 1';

-- fires: lab.f()
-- evidence: searches pg_temp before other schemas
-- severity: high
-- fires: lab.g()
-- evidence: does not put pg_temp last
-- severity: low
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE FUNCTION lab.f() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = pg_temp, lab AS 'SELECT 1';
CREATE FUNCTION lab.g() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = lab AS 'SELECT 1';

-- fires: lab.apart()
-- evidence: only its owner uses it
-- severity: low
-- fires: lab.unused()
-- severity: low
-- fires: lab.fired()
-- severity: high
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE FUNCTION lab.apart() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION lab.apart() FROM PUBLIC;
CREATE FUNCTION lab.unused() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION lab.fired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END';
CREATE TABLE lab.t (n integer);
CREATE TRIGGER fired AFTER INSERT ON lab.t FOR EACH ROW EXECUTE PROCEDURE lab.fired();

-- fires: lab.p(integer)
-- versions: 11-
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE PROCEDURE lab.p(n integer) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN END';

-- fires: lab
-- evidence: 21 functions (lab.f1(), lab.f10(), lab.f11() and 18 more), each of which sets no search_path
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
DO $do$ BEGIN FOR n IN 1..21 LOOP
    EXECUTE format('CREATE FUNCTION lab.f%s() RETURNS integer LANGUAGE sql SECURITY DEFINER AS ''SELECT 1''', n);
END LOOP; END $do$;

-- silent: safe schemas, the owner's own schema, no definer
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE ROLE c_martin LOGIN;
CREATE ROLE lab_owner LOGIN;
CREATE SCHEMA lab;
ALTER SCHEMA lab OWNER TO lab_owner;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE FUNCTION lab.a() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1';
CREATE FUNCTION lab.b() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1';
CREATE FUNCTION lab.c() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT 1';
CREATE FUNCTION lab.d() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = lab, pg_temp AS 'SELECT 1';
ALTER FUNCTION lab.d() OWNER TO lab_owner;
CREATE FUNCTION lab.e() RETURNS integer LANGUAGE sql AS 'SELECT 1';

-- silent: bodies of standard SQL
-- versions: 14-
CREATE ROLE c_martin LOGIN;
CREATE FUNCTION public.a() RETURNS integer LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT 1; END;
CREATE FUNCTION public.b() RETURNS integer LANGUAGE sql SECURITY DEFINER RETURN 1;

-- fires: lab
-- evidence: 21 functions (s1.f(), s10.f(), s11.f() and 18 more), each of which sets no search_path
CREATE ROLE app LOGIN;
DO $do$ BEGIN FOR n IN 1..21 LOOP
    EXECUTE format('CREATE SCHEMA s%s', n);
    EXECUTE format('GRANT USAGE ON SCHEMA s%s TO app', n);
    EXECUTE format('CREATE FUNCTION s%s.f() RETURNS integer LANGUAGE sql SECURITY DEFINER AS ''SELECT 1''', n);
END LOOP; END $do$;
