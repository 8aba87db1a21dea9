-- fires: lab.patient
-- evidence: no retention rule
-- severity: medium
-- policy: [[retention]]
-- policy: table = "lab.resultat"
-- policy: months = 240
-- policy: age_column = "recu_le"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text, recu_le date);

-- the rule is for another database
-- fires: lab.patient
-- policy: [[retention]]
-- policy: table = "lab.patient"
-- policy: months = 240
-- policy: age_column = "vu_le"
-- policy: database = "archive"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, vu_le date);

-- a rule that cannot be applied is none
-- fires: lab.patient
-- evidence: its retention rule judges the age by vu_le, a column that is not there
-- policy: [[retention]]
-- policy: table = "lab.patient"
-- policy: months = 240
-- policy: age_column = "vu_le"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);

-- many tables of one schema
-- fires: lab
-- evidence: limits how long 6 sensitive tables are kept: lab.patient_1, lab.patient_2, lab.patient_3 and 3 more
-- policy: [[retention]]
-- policy: table = "lab.patient"
-- policy: months = 240
-- policy: age_column = "vu_le"
CREATE SCHEMA lab;
CREATE TABLE lab.patient_1 (nir text);
CREATE TABLE lab.patient_2 (nir text);
CREATE TABLE lab.patient_3 (nir text);
CREATE TABLE lab.patient_4 (nir text);
CREATE TABLE lab.patient_5 (nir text);
CREATE TABLE lab.patient_6 (nir text);

-- staging that should be gone
-- fires: lab.patient_import
-- policy: [[retention]]
-- policy: table = "lab.patient"
-- policy: months = 240
-- policy: age_column = "vu_le"
-- policy: [[staging]]
-- policy: table = "lab.patient_import"
-- policy: reason = "import of 2019"
-- policy: until = 2020-01-01
CREATE SCHEMA lab;
CREATE TABLE lab.patient_import (nir text);

-- a waived table is told by itself
-- fires: lab.patient_1
-- fires: lab
-- evidence: 6 sensitive tables
-- policy: [[retention]]
-- policy: table = "lab.patient"
-- policy: months = 240
-- policy: age_column = "vu_le"
-- policy: [[waiver]]
-- policy: check = "ret-no-rule"
-- policy: subject = "lab.patient_1"
-- policy: reason = "kept for good by decree"
-- policy: owner = "DPO"
-- policy: until = 2099-01-01
CREATE SCHEMA lab;
CREATE TABLE lab.patient_1 (nir text);
CREATE TABLE lab.patient_2 (nir text);
CREATE TABLE lab.patient_3 (nir text);
CREATE TABLE lab.patient_4 (nir text);
CREATE TABLE lab.patient_5 (nir text);
CREATE TABLE lab.patient_6 (nir text);
CREATE TABLE lab.patient_7 (nir text);

-- silent: every sensitive table has its rule
-- policy: [[retention]]
-- policy: table = "lab.patient"
-- policy: months = 240
-- policy: age_column = "vu_le"
-- policy: [[retention]]
-- policy: table = "lab.Dossier"
-- policy: months = 12
-- policy: age_column = "vu_le"
-- policy: database = "lab"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, vu_le date);
CREATE TABLE lab."Dossier" (patient_id integer, commentaire text, vu_le date);
CREATE TABLE lab.unit (code text, symbol text);
CREATE VIEW lab.v_patient AS SELECT * FROM lab.patient;
CREATE MATERIALIZED VIEW lab.m_patient AS SELECT * FROM lab.patient;

-- silent: partitions and children follow
-- policy: [[retention]]
-- policy: table = "lab.patient"
-- policy: months = 240
-- policy: age_column = "vu_le"
-- policy: [[retention]]
-- policy: table = "lab.dossier_patient"
-- policy: months = 240
-- policy: age_column = "vu_le"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, vu_le date) PARTITION BY RANGE (vu_le);
CREATE TABLE lab.patient_2020 PARTITION OF lab.patient FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE lab.dossier_patient (nir text, vu_le date);
CREATE TABLE lab.dossier_patient_a (commentaire text) INHERITS (lab.dossier_patient);

-- silent: declared staging within its date
-- policy: [[retention]]
-- policy: table = "lab.patient"
-- policy: months = 240
-- policy: age_column = "vu_le"
-- policy: [[staging]]
-- policy: table = "lab.patient_import"
-- policy: reason = "import of the new site"
-- policy: until = 2099-01-01
CREATE SCHEMA lab;
CREATE TABLE lab.patient_import (nir text);

-- not-applicable: no rule at all
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
