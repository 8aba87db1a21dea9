-- fires: public.f(integer)
-- evidence: a superuser
CREATE FUNCTION public.f(a integer) RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1';

-- silent: revoked, a trigger function, a schema that nobody may use
CREATE SCHEMA apart;
CREATE FUNCTION public.f(a integer) RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION public.f(integer) FROM PUBLIC;
CREATE FUNCTION public.t() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION apart.f() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
