-- fires: lab.patient
-- severity: critical
-- evidence: PUBLIC has SELECT
-- fires: lab.code_postal
-- severity: high
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text, nom text);
CREATE TABLE lab.code_postal (code text, commune text);
GRANT SELECT ON lab.patient TO PUBLIC;
GRANT SELECT, INSERT ON lab.code_postal TO PUBLIC;

-- fires: lab.patient
-- severity: critical
-- evidence: column nir
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text, nom text);
GRANT SELECT (nir) ON lab.patient TO PUBLIC;

-- fires: lab.patient
-- severity: low
-- evidence: nobody has USAGE
CREATE SCHEMA lab;
CREATE TABLE lab.patient (nir text, nom text);
GRANT SELECT ON lab.patient TO PUBLIC;

-- fires: lab.v
-- severity: critical
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text, nom text);
CREATE VIEW lab.v AS SELECT nom FROM lab.patient;
GRANT SELECT ON lab.v TO PUBLIC;

-- fires: ref
-- evidence: 7 relations
CREATE SCHEMA ref;
GRANT USAGE ON SCHEMA ref TO PUBLIC;
DO $do$ BEGIN FOR n IN 1..7 LOOP EXECUTE format('CREATE TABLE ref.t%s (code text)', n); END LOOP; END $do$;
GRANT SELECT ON ALL TABLES IN SCHEMA ref TO PUBLIC;

-- silent: granted to a group
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE biologists;
CREATE TABLE lab.patient (nir text, nom text);
GRANT SELECT ON lab.patient TO biologists;
