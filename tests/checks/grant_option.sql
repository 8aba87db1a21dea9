-- fires: chief
-- evidence: SELECT on public.t
CREATE ROLE chief LOGIN;
CREATE TABLE public.t (n integer);
GRANT SELECT ON public.t TO chief WITH GRANT OPTION;

-- fires: chief
-- evidence: membership of biologists
CREATE ROLE biologists;
CREATE ROLE chief LOGIN;
GRANT biologists TO chief WITH ADMIN OPTION;

-- silent: declared, and groups that nobody is in
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin LOGIN;
CREATE ROLE empty_group;
CREATE TABLE public.t (n integer);
GRANT SELECT ON public.t TO dba_martin WITH GRANT OPTION;
GRANT SELECT ON public.t TO empty_group WITH GRANT OPTION;
