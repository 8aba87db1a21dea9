-- fires: lab
-- evidence: PUBLIC has CONNECT and TEMPORARY on a database with 1 sensitive table
CREATE ROLE lis_app LOGIN;
CREATE ROLE lab_owner NOLOGIN;
CREATE TABLE public.patient (nir text, nom text);
ALTER TABLE public.patient OWNER TO lab_owner;
GRANT SELECT ON public.patient TO lis_app;

-- fires: lab
-- evidence: PUBLIC has TEMPORARY on
REVOKE CONNECT ON DATABASE lab FROM PUBLIC;
CREATE TABLE public.patient (nir text, nom text);

-- silent: named roles only
REVOKE ALL ON DATABASE lab FROM PUBLIC;
CREATE TABLE public.patient (nir text, nom text);

-- silent: nothing about people in it
CREATE TABLE public.code_postal (code text, commune text);
