-- fires: "c.martin"
-- evidence: 1 object: public.t
CREATE ROLE "c.martin" LOGIN;
CREATE TABLE public.t (n integer);
GRANT SELECT, UPDATE ON public.t TO "c.martin";

-- fires: "c.martin"
-- evidence: database lab, public.t.n, schema public
CREATE ROLE "c.martin" LOGIN;
CREATE TABLE public.t (n integer);
GRANT SELECT (n) ON public.t TO "c.martin";
GRANT USAGE ON SCHEMA public TO "c.martin";
GRANT CONNECT ON DATABASE lab TO "c.martin";

-- fires: cluster
-- evidence: 6 personal logins hold direct grants (on so many objects): "a.martin" (1)
CREATE TABLE public.t (n integer);
DO $do$ BEGIN FOR n IN 0..5 LOOP
    EXECUTE format('CREATE ROLE %I LOGIN', chr(97 + n) || '.martin');
    EXECUTE format('GRANT SELECT ON public.t TO %I', chr(97 + n) || '.martin');
END LOOP; END $do$;

-- silent: through a group, what one owns, and a program's login
CREATE ROLE biologists;
CREATE ROLE "c.martin" LOGIN IN ROLE biologists;
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (n integer);
CREATE TABLE public.own (n integer);
ALTER TABLE public.own OWNER TO "c.martin";
GRANT SELECT ON public.t TO biologists, lis_app;
