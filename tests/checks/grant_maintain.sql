-- fires: app
-- evidence: app may maintain public.patient
-- versions: 17-
CREATE ROLE app LOGIN;
CREATE TABLE public.patient (nir text, nom text);
GRANT MAINTAIN ON public.patient TO app;

-- fires: app
-- evidence: every table (pg_maintain)
-- versions: 17-
CREATE ROLE app LOGIN;
GRANT pg_maintain TO app;

-- fires: someone
-- evidence: every table (pg_maintain) through keepers
-- versions: 17-
CREATE ROLE keepers;
CREATE ROLE someone LOGIN IN ROLE keepers;
GRANT pg_maintain TO keepers;

-- silent: ordinary rights
CREATE ROLE app LOGIN;
CREATE TABLE public.patient (nir text, nom text);
GRANT SELECT ON public.patient TO app;

-- silent: told by grant-destructive, and declared
-- versions: 17-
-- policy: [[service]]
-- policy: role = "cleaner"
-- policy: owner = "IT"
-- policy: purpose = "vacuum"
CREATE ROLE app LOGIN;
CREATE ROLE cleaner LOGIN;
CREATE TABLE public.patient (nir text, nom text);
GRANT ALL ON public.patient TO app;
GRANT pg_maintain TO cleaner;
