-- fires: lab.patient
-- evidence: laboratory_id tells whose row it is
-- policy: [tenancy]
-- policy: columns = ["laboratory_id"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (laboratory_id integer, nir text);

-- fires: lab
-- evidence: 6 sensitive tables
-- policy: [tenancy]
-- policy: columns = ["laboratory_id"]
CREATE SCHEMA lab;
DO $do$ BEGIN FOR n IN 1..6 LOOP EXECUTE format('CREATE TABLE lab.patient%s (laboratory_id integer, nir text)', n); END LOOP; END $do$;

-- fires: lab.patient
-- policy: [tenancy]
-- policy: columns = ["lab.patient.site", "\"Site\""]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (site integer, nir text);
CREATE TABLE lab.resultat (site integer, valeur text);

-- silent: enabled; not sensitive; no such column; a partition of a table that has it
-- policy: [tenancy]
-- policy: columns = ["laboratory_id"]
CREATE TABLE public.patient (laboratory_id integer, nir text);
ALTER TABLE public.patient ENABLE ROW LEVEL SECURITY;
CREATE TABLE public.code_postal (laboratory_id integer, code text);
CREATE TABLE public.personne (nir text);
CREATE TABLE public.resultat (laboratory_id integer, valeur text) PARTITION BY LIST (laboratory_id);
CREATE TABLE public.resultat_1 PARTITION OF public.resultat FOR VALUES IN (1);
ALTER TABLE public.resultat ENABLE ROW LEVEL SECURITY;

-- not-applicable: nothing declared
CREATE TABLE public.patient (laboratory_id integer, nir text);
