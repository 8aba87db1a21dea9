-- fires: lab
-- evidence: CONNECT
CREATE TABLE public.patient (nir text, nom text);

-- silent: named roles only
REVOKE ALL ON DATABASE lab FROM PUBLIC;
CREATE TABLE public.patient (nir text, nom text);

-- silent: nothing about people in it
CREATE TABLE public.code_postal (code text, commune text);
