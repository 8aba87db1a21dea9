-- fires: app
-- evidence: public.patient
-- versions: 17-
CREATE ROLE app LOGIN;
CREATE TABLE public.patient (nir text, nom text);
GRANT MAINTAIN ON public.patient TO app;

-- fires: app
-- evidence: pg_maintain
-- versions: 17-
CREATE ROLE app LOGIN;
GRANT pg_maintain TO app;

-- silent: ordinary rights
CREATE ROLE app LOGIN;
CREATE TABLE public.patient (nir text, nom text);
GRANT SELECT ON public.patient TO app;
