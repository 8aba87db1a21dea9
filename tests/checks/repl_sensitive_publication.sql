-- fires: export_labo
-- evidence: sends 1 sensitive table to undeclared subscribers
-- evidence: lab.patient (nir)
-- severity: medium
CREATE SCHEMA lab;
CREATE TABLE lab.patient (patient_id integer PRIMARY KEY, nir text);
CREATE TABLE lab.code_postal (code text PRIMARY KEY);
CREATE PUBLICATION export_labo FOR TABLE lab.patient, lab.code_postal;

-- fires: "All of it"
-- evidence: as it sends all tables: public.patient (nir)
-- severity: high
-- conf: wal_level = logical
CREATE TABLE public.patient (patient_id integer PRIMARY KEY, nir text);
CREATE UNLOGGED TABLE public.patient_cache (nir text);
CREATE PUBLICATION "All of it" FOR ALL TABLES;

-- fires: whole_schema
-- versions: 15-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (patient_id integer PRIMARY KEY, nir text);
CREATE PUBLICATION whole_schema FOR TABLES IN SCHEMA lab;

-- fires: some_columns
-- evidence: lab.patient (nir)
-- versions: 15-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (patient_id integer PRIMARY KEY, nir text, nom text);
CREATE PUBLICATION some_columns FOR TABLE lab.patient (patient_id, nir);

-- silent: declared, and nothing sensitive in it
-- policy: [[publication]]
-- policy: name = "export_labo"
-- policy: recipient = "university hospital"
CREATE TABLE public.patient (patient_id integer PRIMARY KEY, nir text);
CREATE TABLE public.code_postal (code text PRIMARY KEY);
CREATE PUBLICATION export_labo FOR TABLE public.patient;
CREATE PUBLICATION postcodes FOR TABLE public.code_postal;

-- silent: the sensitive columns are left out
-- versions: 15-
CREATE TABLE public.patient (patient_id integer PRIMARY KEY, site text, nir text);
CREATE PUBLICATION no_names FOR TABLE public.patient (patient_id, site);
