-- every value is encrypted, and the clear column stays
-- fires: lab.patient_pgg1
-- evidence: every value of lab.patient_pgg1.nir is encrypted, and stands there in clear as well
-- severity: critical
CREATE SCHEMA lab;
CREATE TABLE lab.patient_pgg1 (id integer PRIMARY KEY, nir text, nir_pgg1 bytea);
COMMENT ON COLUMN lab.patient_pgg1.nir_pgg1 IS 'pgguard: encrypted';
ALTER TABLE lab.patient_pgg1 ADD CONSTRAINT nir_sealed CHECK (nir IS NULL OR nir_pgg1 IS NOT NULL);

-- it was dropped, and the table was not written anew
-- fires: lab.patient_pgg1
-- evidence: the values of clear columns that were dropped lie in the file of lab.patient_pgg1
CREATE SCHEMA lab;
CREATE TABLE lab.patient_pgg1 (id integer PRIMARY KEY, nir text);
ALTER TABLE lab.patient_pgg1 ADD COLUMN nir_pgg1 bytea;
COMMENT ON COLUMN lab.patient_pgg1.nir_pgg1 IS 'pgguard: encrypted';
ALTER TABLE lab.patient_pgg1 DROP COLUMN nir, ADD COLUMN nir text;
ALTER TABLE lab.patient_pgg1 ADD CONSTRAINT nir_inlet CHECK (nir IS NULL) NOT VALID;

-- written anew before it was dropped
-- fires: lab.patient_pgg1
CREATE SCHEMA lab;
CREATE TABLE lab.patient_pgg1 (id integer CONSTRAINT patient_key PRIMARY KEY, nir text);
ALTER TABLE lab.patient_pgg1 ADD COLUMN nir_pgg1 bytea;
COMMENT ON COLUMN lab.patient_pgg1.nir_pgg1 IS 'pgguard: encrypted';
CLUSTER lab.patient_pgg1 USING patient_key;
ALTER TABLE lab.patient_pgg1 DROP COLUMN nir, ADD COLUMN nir text;
ALTER TABLE lab.patient_pgg1 ADD CONSTRAINT nir_inlet CHECK (nir IS NULL) NOT VALID;

-- dropped by hand without a successor, in a file that is as old as the table
-- fires: lab.patient
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text);
ALTER TABLE lab.patient ADD COLUMN nir_pgg1 bytea;
COMMENT ON COLUMN lab.patient.nir_pgg1 IS 'pgguard: encrypted';
ALTER TABLE lab.patient DROP COLUMN nir;

-- one partition of two was written anew
-- fires: lab.patient_1
-- versions: 12-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer CONSTRAINT patient_key PRIMARY KEY, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (1000);
CREATE TABLE lab.patient_2 PARTITION OF lab.patient FOR VALUES FROM (1000) TO (2000);
ALTER TABLE lab.patient ADD COLUMN nir_pgg1 bytea;
COMMENT ON COLUMN lab.patient.nir_pgg1 IS 'pgguard: encrypted';
ALTER TABLE lab.patient DROP COLUMN nir;
ALTER TABLE lab.patient ADD COLUMN nir text;
ALTER TABLE lab.patient ADD CONSTRAINT nir_inlet CHECK (nir IS NULL) NOT VALID;
CLUSTER lab.patient_2 USING patient_2_pkey;

-- a name that is as long as names can be
-- fires: lab.patient
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, numero_d_inscription_au_repertoire_des_personnes_physiques_x text);
ALTER TABLE lab.patient ADD COLUMN numero_d_inscription_au_repertoire_des_personnes_ph_0a1b2c_pgg1 bytea;
COMMENT ON COLUMN lab.patient.numero_d_inscription_au_repertoire_des_personnes_ph_0a1b2c_pgg1 IS 'pgguard: encrypted';
ALTER TABLE lab.patient ADD CONSTRAINT sealed CHECK (numero_d_inscription_au_repertoire_des_personnes_physiques_x IS NULL
    OR numero_d_inscription_au_repertoire_des_personnes_ph_0a1b2c_pgg1 IS NOT NULL);

-- silent: values are still being encrypted
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nir_pgg1 bytea);
COMMENT ON COLUMN lab.patient.nir_pgg1 IS 'pgguard: encrypted';
ALTER TABLE lab.patient ADD CONSTRAINT nir_sealed CHECK (nir IS NULL OR nir_pgg1 IS NOT NULL) NOT VALID;

-- silent: dropped, and written anew
CREATE SCHEMA lab;
CREATE TABLE lab.patient_pgg1 (id integer CONSTRAINT patient_key PRIMARY KEY, nir text);
ALTER TABLE lab.patient_pgg1 ADD COLUMN nir_pgg1 bytea;
COMMENT ON COLUMN lab.patient_pgg1.nir_pgg1 IS 'pgguard: encrypted';
ALTER TABLE lab.patient_pgg1 DROP COLUMN nir, ADD COLUMN nir text;
ALTER TABLE lab.patient_pgg1 ADD CONSTRAINT nir_inlet CHECK (nir IS NULL) NOT VALID;
CLUSTER lab.patient_pgg1 USING patient_key;

-- silent: as a dump brings it back, nothing was ever dropped
CREATE SCHEMA lab;
CREATE TABLE lab.patient_pgg1 (id integer, nir_pgg1 bytea, nir text, CONSTRAINT nir_inlet CHECK (nir IS NULL));
COMMENT ON COLUMN lab.patient_pgg1.nir_pgg1 IS 'pgguard: encrypted';

-- silent: a column was dropped that came after the encrypted one
CREATE SCHEMA lab;
CREATE TABLE lab.patient_pgg1 (id integer, nir_pgg1 bytea, nir text, CONSTRAINT nir_inlet CHECK (nir IS NULL), other text);
COMMENT ON COLUMN lab.patient_pgg1.nir_pgg1 IS 'pgguard: encrypted';
ALTER TABLE lab.patient_pgg1 DROP COLUMN other;

-- silent: a table without encrypted columns
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
ALTER TABLE lab.patient DROP COLUMN nir;

-- unknown: dropped by hand, and the file was replaced at some time
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer CONSTRAINT patient_key PRIMARY KEY, nir text);
ALTER TABLE lab.patient ADD COLUMN nir_pgg1 bytea;
COMMENT ON COLUMN lab.patient.nir_pgg1 IS 'pgguard: encrypted';
ALTER TABLE lab.patient DROP COLUMN nir;
CLUSTER lab.patient USING patient_key;
