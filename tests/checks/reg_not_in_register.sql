-- fires: lab
-- evidence: no activity of the register works on it, and 2 of its tables are sensitive: lab.patient, lab.resultat
-- severity: medium
-- policy: [[activity]]
-- policy: name = "invoices"
-- policy: purpose = "billing"
-- policy: databases = ["billing"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);

-- fires: lab
-- evidence: 1 of its tables is sensitive
-- policy: [[activity]]
-- policy: name = "invoices"
-- policy: purpose = "billing"
-- policy: databases = []
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);

-- silent: in the register
-- policy: [[activity]]
-- policy: name = "laboratory"
-- policy: purpose = "care"
-- policy: databases = ["billing", "lab"]
-- policy: legal_basis = "GDPR 9(2)(h)"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);

-- silent: nothing sensitive
-- policy: [[activity]]
-- policy: name = "invoices"
-- policy: purpose = "billing"
-- policy: databases = ["billing"]
CREATE SCHEMA lab;
CREATE TABLE lab.unit (code text, symbol text);

-- not-applicable: no register
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
