-- fires: lis_app
-- evidence: owns 1 sensitive table (public.patient)
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.patient (nir text, nom text);
ALTER TABLE public.patient OWNER TO lis_app;

-- silent: the owner cannot log in, or the table holds nothing about people
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.patient (nir text, nom text);
ALTER TABLE public.patient OWNER TO lab_owner;
CREATE TABLE public.code_postal (code text, commune text);
ALTER TABLE public.code_postal OWNER TO lis_app;
