-- unknown: declared as one for tests, and nobody looked at its values
-- policy: [[database]]
-- policy: name = "lab"
-- policy: use = "test"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);

-- unknown: encrypted with what may be production's key, beside names in clear
-- policy: [[database]]
-- policy: name = "lab"
-- policy: use = "test"
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea, nom text);
CREATE VIEW lab.v_patient AS SELECT id, pgp_sym_decrypt(nir, current_setting('lab.key')) AS nir FROM lab.patient;

-- silent: nothing says that it is not for production
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);

-- silent: declared as production
-- policy: [[database]]
-- policy: name = "lab"
-- policy: use = "production"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);

-- silent: another database is one for tests
-- policy: [[database]]
-- policy: name = "lab_formation"
-- policy: use = "test"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);

-- silent: no column is sensitive
-- policy: [[database]]
-- policy: name = "lab"
-- policy: use = "test"
CREATE SCHEMA lab;
CREATE TABLE lab.unit (code text, symbol text);

-- silent: all that is sensitive is encrypted
-- policy: [[database]]
-- policy: name = "lab"
-- policy: use = "test"
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (nir bytea);
CREATE VIEW lab.v_patient AS SELECT pgp_sym_decrypt(nir, current_setting('lab.key')) AS nir FROM lab.patient;

-- fires: lab
-- evidence: 2 sensitive columns hold what looks like real values (lab.patient.nir, lab.patient.nom)
-- sample: 50
-- policy: [[database]]
-- policy: name = "lab"
-- policy: use = "test"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (patient_id integer, nir text, nom text);
INSERT INTO lab.patient SELECT n, '18505780060' || lpad(n::text, 4, '0'), 'Nom ' || n FROM generate_series(1, 90) AS n;

-- silent: masked, all the same
-- sample: 50
-- policy: [[database]]
-- policy: name = "lab"
-- policy: use = "test"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (patient_id integer, nir text, nom text);
INSERT INTO lab.patient SELECT n, 'X', 'X' FROM generate_series(1, 90) AS n;
