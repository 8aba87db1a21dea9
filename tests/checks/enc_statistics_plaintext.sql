-- a login reads the catalog itself
-- fires: lab.patient
-- evidence: curious can read values of lab.patient.nir, lab.patient.nom in the planner's statistics
-- severity: medium
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nom text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5, 'plant ' || n % 3 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE ROLE curious LOGIN;
GRANT SELECT ON pg_catalog.pg_statistic TO curious;

-- only the column with the values
-- fires: lab.patient
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE ROLE curious LOGIN;
GRANT SELECT (starelid, stavalues1) ON pg_catalog.pg_statistic TO curious;

-- target 0 leaves what was kept before
-- fires: lab.patient
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
ALTER TABLE lab.patient ALTER COLUMN nir SET STATISTICS 0;
ANALYZE lab.patient;
CREATE ROLE curious LOGIN;
GRANT SELECT ON pg_catalog.pg_statistic TO curious;

-- by a group
-- fires: lab.patient
-- evidence: curious can read
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE ROLE analysts;
CREATE ROLE curious LOGIN IN ROLE analysts;
GRANT SELECT ON pg_catalog.pg_statistic TO analysts;

-- pg_read_all_data obeys row security in the table, not in the catalog
-- fires: lab.patient
-- evidence: reporting can read values of lab.patient.nir
-- versions: 14-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON lab.patient USING (nir = current_user);
CREATE ROLE reporting LOGIN;
GRANT pg_read_all_data TO reporting;

-- an index on an expression has statistics of its own
-- fires: lab.patient
-- evidence: values of lab.patient.nir
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
ALTER TABLE lab.patient ALTER COLUMN nir SET STATISTICS 0;
CREATE INDEX ON lab.patient (lower(nir));
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE ROLE curious LOGIN;
GRANT SELECT ON pg_catalog.pg_statistic TO curious;

-- extended statistics
-- fires: lab.patient
-- evidence: values of lab.patient.nir, lab.patient.nom
-- versions: 12-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nom text);
CREATE STATISTICS lab.together (mcv) ON nir, nom FROM lab.patient;
CREATE ROLE curious LOGIN;
GRANT SELECT ON pg_catalog.pg_statistic_ext_data TO curious;

-- many tables
-- fires: lab
-- evidence: curious can read values of lab.patient_1.nir, lab.patient_2.nir, lab.patient_3.nir and 3 more
CREATE SCHEMA lab;
CREATE TABLE lab.patient_1 AS SELECT 'made up ' || n % 5 AS nir FROM generate_series(1, 100) AS n;
CREATE TABLE lab.patient_2 AS SELECT 'made up ' || n % 5 AS nir FROM generate_series(1, 100) AS n;
CREATE TABLE lab.patient_3 AS SELECT 'made up ' || n % 5 AS nir FROM generate_series(1, 100) AS n;
CREATE TABLE lab.patient_4 AS SELECT 'made up ' || n % 5 AS nir FROM generate_series(1, 100) AS n;
CREATE TABLE lab.patient_5 AS SELECT 'made up ' || n % 5 AS nir FROM generate_series(1, 100) AS n;
CREATE TABLE lab.patient_6 AS SELECT 'made up ' || n % 5 AS nir FROM generate_series(1, 100) AS n;
ANALYZE lab.patient_1;
ANALYZE lab.patient_2;
ANALYZE lab.patient_3;
ANALYZE lab.patient_4;
ANALYZE lab.patient_5;
ANALYZE lab.patient_6;
CREATE ROLE curious LOGIN;
GRANT SELECT ON pg_catalog.pg_statistic TO curious;

-- an old minor version: past the grants on a view
-- fires: lab
-- evidence: lets curious see values of lab.patient.nir in the planner's statistics, past the grants on lab.v_patient (CVE-2025-8713)
-- versions: 13-17
-- minor: 3
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE VIEW lab.v_patient AS SELECT * FROM lab.patient;
CREATE ROLE curious LOGIN;
GRANT USAGE ON SCHEMA lab TO curious;

-- majors that never got the correction
-- fires: lab
-- evidence: (CVE-2025-8713)
-- versions: 10-12
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE VIEW lab.v_patient AS SELECT * FROM lab.patient;
CREATE ROLE curious LOGIN;
GRANT USAGE ON SCHEMA lab TO curious;

-- an old minor version: past row security of a partitioned table
-- fires: lab
-- evidence: past row security of lab.patient (CVE-2025-8713)
-- versions: 13-17
-- minor: 3
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text) PARTITION BY RANGE (rang);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (1000);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON lab.patient USING (nir = current_user);
CREATE ROLE reader LOGIN;
GRANT USAGE ON SCHEMA lab TO reader;
GRANT SELECT ON lab.patient TO reader;

-- a very old minor version: past row security of any table
-- fires: lab
-- evidence: past row security of lab.patient (CVE-2019-10130)
-- versions: 10-11
-- minor: 2
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON lab.patient USING (nir = current_user);
CREATE ROLE reader LOGIN;
GRANT USAGE ON SCHEMA lab TO reader;
GRANT SELECT ON lab.patient TO reader;

-- the view of extended statistics as it was before the release notes were followed
-- fires: lab.short_nir
-- evidence: pg_stats_ext_exprs shows values made of lab.patient.nir to every login (CVE-2024-4317)
-- versions: 14-
-- cluster: a view of the system is changed
-- conf: allow_system_table_mods = on
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
CREATE STATISTICS lab.short_nir ON left(nir, 5) FROM lab.patient;
DO $do$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW pg_catalog.pg_stats_ext AS ' || replace(
        pg_get_viewdef('pg_catalog.pg_stats_ext'::regclass), 'pg_has_role(c.relowner, ''USAGE''::text)', 'true');
END
$do$;

-- silent: PostgreSQL's own grants
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE ROLE curious LOGIN;
GRANT USAGE ON SCHEMA lab TO curious;

-- silent: target 0 from the start
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nom text);
ALTER TABLE lab.patient ALTER COLUMN nir SET STATISTICS 0, ALTER COLUMN nom SET STATISTICS 0;
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5, 'plant ' || n % 3 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE ROLE curious LOGIN;
GRANT SELECT ON pg_catalog.pg_statistic TO curious;

-- silent: never analyzed
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nom text);
CREATE ROLE curious LOGIN;
GRANT SELECT ON pg_catalog.pg_statistic TO curious;

-- silent: whoever reads the statistics may read the column
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE ROLE curious LOGIN;
GRANT USAGE ON SCHEMA lab TO curious;
GRANT SELECT ON lab.patient TO curious;
GRANT SELECT ON pg_catalog.pg_statistic TO curious;

-- silent: a declared administrator
-- policy: [administrators]
-- policy: roles = ["curious"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE ROLE curious LOGIN;
GRANT SELECT ON pg_catalog.pg_statistic TO curious;

-- silent: which columns have statistics, not what is in them
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE ROLE auditor LOGIN;
GRANT SELECT (starelid, staattnum, stainherit) ON pg_catalog.pg_statistic TO auditor;

-- silent: the corrected minor version
-- versions: 13-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE VIEW lab.v_patient AS SELECT * FROM lab.patient;
CREATE ROLE curious LOGIN;
GRANT USAGE ON SCHEMA lab TO curious;

-- silent: on an old minor version, but nobody stands before the view
-- versions: 13-17
-- minor: 3
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
INSERT INTO lab.patient SELECT n, 'made up ' || n % 5 FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE VIEW lab.v_patient AS SELECT * FROM lab.patient;
CREATE ROLE reader LOGIN;
GRANT USAGE ON SCHEMA lab TO reader;
GRANT SELECT ON lab.v_patient TO reader;

-- silent: ciphertext has nothing to show
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir bytea);
CREATE VIEW lab.v_patient AS SELECT rang, pgp_sym_decrypt(nir, current_setting('lab.key')) AS nir FROM lab.patient;
INSERT INTO lab.patient SELECT n, decode('c30d', 'hex') FROM generate_series(1, 100) AS n;
ANALYZE lab.patient;
CREATE ROLE curious LOGIN;
GRANT SELECT ON pg_catalog.pg_statistic TO curious;

-- silent: statistics on an expression that the owner alone sees
-- versions: 14-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
CREATE STATISTICS lab.short_nir ON left(nir, 5) FROM lab.patient;

-- unknown: somebody reads the statistics, and the inspecting login does not see of which columns there are any
-- as: auditor
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text);
CREATE ROLE curious LOGIN;
GRANT SELECT ON pg_catalog.pg_statistic TO curious;
CREATE ROLE auditor LOGIN;
GRANT pg_monitor TO auditor;
