-- fires: "c.martin"
-- evidence: 1 object: public.t
CREATE ROLE "c.martin" LOGIN;
CREATE TABLE public.t (n integer);
GRANT SELECT ON public.t TO "c.martin";

-- silent: through a group, and a program's login
CREATE ROLE biologists;
CREATE ROLE "c.martin" LOGIN IN ROLE biologists;
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (n integer);
GRANT SELECT ON public.t TO biologists, lis_app;
