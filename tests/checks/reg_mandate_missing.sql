-- fires: vendor_migration
-- evidence: vendor_migration is named for taking data out and can read lab.patient without a mandate
-- severity: high
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: roles = ["vendor_migration"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE vendor_migration LOGIN;
GRANT SELECT ON lab.patient TO vendor_migration;

-- fires: "ReprisePatients2026"
-- fires: "übernahme-praxis"
-- fires: lab_etl
-- evidence: lab_etl (used by anna) is named
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE "ReprisePatients2026" LOGIN;
CREATE ROLE "übernahme-praxis" LOGIN;
CREATE ROLE lab_etl;
CREATE ROLE anna LOGIN;
GRANT lab_etl TO anna;
GRANT SELECT ON lab.patient TO "ReprisePatients2026", "übernahme-praxis", lab_etl;

-- fires: c_martin
-- evidence: c_martin copied lab.patient out on
-- fires: d_weber
-- evidence: d_weber read 48000 rows of sensitive tables on
-- ingested: 30
-- read: 3 c_martin lab.patient 1 0 1
-- read: 9 c_martin lab.patient 1 0 1
-- read: 2 d_weber lab.patient 3 30000 0
-- read: 2 d_weber lab.resultat 3 18000 0
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE c_martin LOGIN;
CREATE ROLE d_weber LOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA lab TO c_martin, d_weber;

-- fires: export_view
-- evidence: can read lab.resultat without
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE export_view LOGIN;
CREATE VIEW lab.codes AS SELECT diagnostic FROM lab.resultat;
GRANT SELECT ON lab.codes TO export_view;

-- fires: migration_root
-- evidence: can read everything, as superuser
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE migration_root LOGIN SUPERUSER;

-- fires: lab_etl
-- evidence: lab_etl is named
-- policy: [[account]]
-- policy: role = "lab_etl"
-- policy: person = "A. Weber"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE lab_etl LOGIN;
GRANT SELECT ON lab.patient TO lab_etl;

-- silent: declared people, services, administrators, accounts under a contract, mandates
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: roles = ["vendor_migration"]
-- policy: [administrators]
-- policy: roles = ["dba_export"]
-- policy: [[person]]
-- policy: name = "Exportateur"
-- policy: role = "p_export"
-- policy: [[service]]
-- policy: role = "nightly_dump"
-- policy: owner = "Lab IT"
-- policy: purpose = "backup"
-- policy: [[account]]
-- policy: role = "vendor_etl"
-- policy: person = "A. Weber"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mandated_export"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id"]
-- ingested: 30
-- read: 1 nightly_dump lab.patient 1 90000 1
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE dba_export LOGIN;
CREATE ROLE p_export LOGIN;
CREATE ROLE nightly_dump LOGIN;
CREATE ROLE vendor_etl LOGIN;
CREATE ROLE mandated_export LOGIN;
CREATE ROLE stream_dump LOGIN REPLICATION;
GRANT SELECT ON lab.patient TO dba_export, p_export, nightly_dump, vendor_etl, mandated_export, stream_dump;

-- silent: words inside of others, roles that read nothing sensitive, groups without logins, reads as usual
-- ingested: 30
-- read: 2 c_martin lab.patient 40 900 0
-- read: 2 c_martin lab.unit 1 90000 1
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE ROLE petley LOGIN;
CREATE ROLE prometheus_exporter LOGIN;
CREATE ROLE unit_export LOGIN;
CREATE ROLE etl_readers;
CREATE ROLE c_martin LOGIN;
CREATE TABLE lab.unit (code text);
GRANT SELECT ON lab.unit TO unit_export;
GRANT SELECT ON lab.patient TO petley, prometheus_exporter, etl_readers, c_martin;

-- not-applicable: nothing personal
CREATE TABLE public.unit (code text);
CREATE ROLE etl LOGIN;
