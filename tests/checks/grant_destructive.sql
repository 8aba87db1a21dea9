-- fires: public.patient
-- evidence: labo has TRUNCATE
CREATE ROLE labo LOGIN;
CREATE TABLE public.patient (nir text, nom text);
GRANT SELECT, TRUNCATE ON public.patient TO labo;

-- fires: public.patient
-- evidence: team has REFERENCES, TRIGGER, TRUNCATE
CREATE ROLE team;
CREATE ROLE app LOGIN IN ROLE team;
CREATE TABLE public.patient (nir text, nom text);
GRANT ALL ON public.patient TO team;

-- silent: ordinary rights, and a table without people in it
CREATE ROLE labo LOGIN;
CREATE TABLE public.patient (nir text, nom text);
CREATE TABLE public.code_postal (code text);
GRANT SELECT, INSERT, UPDATE, DELETE ON public.patient TO labo;
GRANT ALL ON public.code_postal TO labo;
