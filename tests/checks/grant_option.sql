-- fires: chief
-- evidence: chief may hand on SELECT on public.t
CREATE ROLE chief LOGIN;
CREATE TABLE public.t (n integer);
GRANT SELECT ON public.t TO chief WITH GRANT OPTION;

-- fires: chief
-- evidence: membership of biologists
CREATE ROLE biologists;
CREATE ROLE chief LOGIN;
GRANT biologists TO chief WITH ADMIN OPTION;

-- fires: chief
-- evidence: SELECT on public.t through heads
-- evidence: USAGE on schema lab
CREATE ROLE heads;
CREATE ROLE chief LOGIN IN ROLE heads;
CREATE SCHEMA lab;
CREATE TABLE public.t (n integer);
GRANT SELECT ON public.t TO heads WITH GRANT OPTION;
GRANT USAGE ON SCHEMA lab TO chief WITH GRANT OPTION;

-- fires: chief
-- evidence: CONNECT on database lab
-- fires: other
-- evidence: EXECUTE on public.f(integer)
-- fires: third
-- evidence: SELECT on public.t."N"
-- fires: fourth
-- evidence: USAGE on public.s
-- fires: fifth
-- evidence: USAGE on language plpgsql
CREATE ROLE chief LOGIN;
CREATE ROLE other LOGIN;
CREATE ROLE third LOGIN;
CREATE ROLE fourth LOGIN;
CREATE ROLE fifth LOGIN;
CREATE TABLE public.t ("N" integer);
CREATE SEQUENCE public.s;
CREATE FUNCTION public.f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
GRANT CONNECT ON DATABASE lab TO chief WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION public.f(integer) TO other WITH GRANT OPTION;
GRANT SELECT ("N") ON public.t TO third WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE public.s TO fourth WITH GRANT OPTION;
GRANT USAGE ON LANGUAGE plpgsql TO fifth WITH GRANT OPTION;

-- fires: chief
-- evidence: SET on log_statement
-- versions: 15-
CREATE ROLE chief LOGIN;
GRANT SET ON PARAMETER log_statement TO chief WITH GRANT OPTION;

-- fires: "head of it"
-- fires: deputy
CREATE ROLE "head of it" LOGIN;
CREATE ROLE deputy LOGIN;
CREATE TABLE public.t (n integer);
GRANT SELECT ON public.t TO "head of it" WITH GRANT OPTION;
SET LOCAL ROLE "head of it";
GRANT SELECT ON public.t TO deputy WITH GRANT OPTION;
RESET ROLE;

-- fires: cluster
-- evidence: 21 roles may hand on rights or memberships: r1, r10
CREATE TABLE public.t (n integer);
DO $do$ BEGIN FOR n IN 1..21 LOOP
    EXECUTE format('CREATE ROLE r%s LOGIN', n);
    EXECUTE format('GRANT SELECT ON public.t TO r%s WITH GRANT OPTION', n);
END LOOP; END $do$;

-- silent: declared, owners, and groups that nobody is in
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin LOGIN;
CREATE ROLE lis_app LOGIN;
CREATE ROLE empty_group;
CREATE TABLE public.t (n integer);
CREATE TABLE public.own (n integer);
ALTER TABLE public.own OWNER TO lis_app;
GRANT SELECT ON public.own TO lis_app WITH GRANT OPTION;
GRANT SELECT ON public.t TO dba_martin WITH GRANT OPTION;
GRANT SELECT ON public.t TO empty_group WITH GRANT OPTION;

-- silent: what CREATEROLE brings by itself
-- versions: 16-
CREATE ROLE it_helpdesk LOGIN CREATEROLE;
SET LOCAL ROLE it_helpdesk;
CREATE ROLE newcomer LOGIN;
RESET ROLE;
