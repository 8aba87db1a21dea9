-- fires: lab.patient
-- severity: critical
-- evidence: PUBLIC has SELECT
-- fires: lab.code_postal
-- severity: high
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text, nom text);
CREATE TABLE lab.code_postal (code text, commune text);
GRANT SELECT ON lab.patient TO PUBLIC;
GRANT SELECT, INSERT ON lab.code_postal TO PUBLIC;

-- fires: lab.patient
-- severity: critical
-- evidence: SELECT on column nir
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text, nom text);
GRANT SELECT (nir) ON lab.patient TO PUBLIC;

-- fires: lab.patient
-- severity: low
-- evidence: no login gets as far as the schema
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (nir text, nom text);
GRANT SELECT ON lab.patient TO PUBLIC;

-- fires: lab.patient
-- severity: critical
CREATE ROLE entered;
CREATE ROLE c_martin LOGIN NOINHERIT IN ROLE entered;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO entered;
CREATE TABLE lab.patient (nir text, nom text);
GRANT SELECT ON lab.patient TO PUBLIC;

-- fires: lab.v
-- severity: critical
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text, nom text);
CREATE VIEW lab.v AS SELECT nom FROM lab.patient;
GRANT SELECT ON lab.v TO PUBLIC;

-- fires: public.v
-- severity: high
-- fires: public.patient
-- severity: high
-- versions: 15-
CREATE ROLE c_martin LOGIN;
CREATE TABLE public.patient (nir text, nom text);
ALTER TABLE public.patient ENABLE ROW LEVEL SECURITY;
CREATE VIEW public.v WITH (security_invoker = true) AS SELECT nom FROM public.patient;
GRANT SELECT ON public.v, public.patient TO PUBLIC;

-- fires: public.s
-- evidence: PUBLIC has USAGE
-- severity: high
CREATE ROLE c_martin LOGIN;
CREATE SEQUENCE public.s;
GRANT USAGE ON SEQUENCE public.s TO PUBLIC;

-- fires: ref
-- evidence: SELECT on 7 relations
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA ref;
GRANT USAGE ON SCHEMA ref TO PUBLIC;
DO $do$ BEGIN FOR n IN 1..7 LOOP EXECUTE format('CREATE TABLE ref.t%s (code text)', n); END LOOP; END $do$;
GRANT SELECT ON ALL TABLES IN SCHEMA ref TO PUBLIC;

-- fires: lab
-- evidence: SELECT on 21 relations
-- severity: critical
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
DO $do$ BEGIN FOR n IN 1..21 LOOP EXECUTE format('CREATE TABLE lab.patient%s (nir text)', n); END LOOP; END $do$;
GRANT SELECT ON ALL TABLES IN SCHEMA lab TO PUBLIC;

-- fires: public.resultat
-- severity: critical
CREATE ROLE c_martin LOGIN;
CREATE TABLE public.resultat (site integer, valeur text) PARTITION BY LIST (site);
CREATE TABLE public.resultat_1 PARTITION OF public.resultat FOR VALUES IN (1);
CREATE TABLE public.resultat_2 PARTITION OF public.resultat FOR VALUES IN (2);
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;

-- silent: granted to a group, and an extension's
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE biologists;
CREATE TABLE lab.patient (nir text, nom text);
GRANT SELECT ON lab.patient TO biologists;
CREATE EXTENSION pg_stat_statements;

-- the evidence says what is open, the worst first
-- fires: lab.t
-- evidence: PUBLIC has SELECT, which reads genetic, contact
-- severity: critical
-- policy: [[column]]
-- policy: name = "lab.t.a"
-- policy: category = "contact"
-- policy: [[column]]
-- policy: name = "lab.t.b"
-- policy: category = "genetic"
CREATE ROLE reader LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.t (a text, b text);
GRANT SELECT ON lab.t TO PUBLIC;

-- one column of two
-- fires: lab.t
-- evidence: PUBLIC has SELECT on column a, which reads contact
-- severity: critical
-- policy: [[column]]
-- policy: name = "lab.t.a"
-- policy: category = "contact"
-- policy: [[column]]
-- policy: name = "lab.t.b"
-- policy: category = "genetic"
CREATE ROLE reader LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.t (a text, b text);
GRANT SELECT (a) ON lab.t TO PUBLIC;

-- who wrote a row is no patient
-- fires: lab.t
-- evidence: which reads staff_identity
-- severity: high
-- policy: [[column]]
-- policy: name = "lab.t.saisi_par"
-- policy: category = "staff_identity"
CREATE ROLE reader LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.t (saisi_par text);
GRANT SELECT ON lab.t TO PUBLIC;
