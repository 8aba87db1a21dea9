-- the table was emptied
-- fires: lab.patient
-- evidence: the planner's statistics hold values of lab.patient.nir, lab.patient.nom, where there is nothing any more
-- severity: medium
-- cluster: what is truncated in the transaction that made it keeps its count of pages
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nom text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5, 'plant ' || n % 3 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
COMMIT;
TRUNCATE lab.patient;

-- the column was emptied after it was encrypted
-- fires: lab.patient
-- evidence: hold values of lab.patient.nir, where
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nir_pgg1 bytea);
COMMENT ON COLUMN lab.patient.nir_pgg1 IS 'pgguard: encrypted';
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5, decode('01', 'hex') FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
UPDATE lab.patient SET nir = NULL;
ALTER TABLE lab.patient ADD CONSTRAINT nir_inlet CHECK (nir IS NULL);

-- a slot that nobody reads, where columns are encrypted
-- fires: left_over
-- evidence: physical slot left_over is inactive and keeps
-- cluster: slots outlive a rollback
CREATE SCHEMA lab;
CREATE TABLE lab.patient (nir_pgg1 bytea);
COMMENT ON COLUMN lab.patient.nir_pgg1 IS 'pgguard: encrypted';
SELECT pg_create_physical_replication_slot('left_over', true);
CREATE TABLE lab.other AS SELECT 1 AS one;

-- silent: ANALYZE has run on what is there now
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nir_pgg1 bytea);
COMMENT ON COLUMN lab.patient.nir_pgg1 IS 'pgguard: encrypted';
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5, decode('01', 'hex') FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
UPDATE lab.patient SET nir = NULL;
ALTER TABLE lab.patient ADD CONSTRAINT nir_inlet CHECK (nir IS NULL);
ANALYZE lab.patient;

-- silent: the table has rows
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;

-- silent: an emptied table that held no personal data
CREATE SCHEMA lab;
CREATE TABLE lab.stock (reference integer, amount integer);
INSERT INTO lab.stock SELECT n, n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.stock;
TRUNCATE lab.stock;

-- silent: a new table
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);

-- silent: the WAL of a cluster without encrypted columns is told by repl-inactive-slot
-- cluster: slots outlive a rollback
CREATE SCHEMA lab;
SELECT pg_create_physical_replication_slot('left_over', true);
CREATE TABLE lab.other AS SELECT 1 AS one;

-- unknown: the statistics are closed to the inspecting login
-- as: auditor
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
CREATE ROLE auditor LOGIN;
GRANT pg_monitor TO auditor;
