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

-- fires: lab.genotype
-- evidence: it is sensitive, and no activity of the register is about it
-- fires: lab.patient
-- evidence: no activity of the register lists its sensitive columns telephone
-- severity: medium
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
-- policy: tables = ["lab.resultat"]
-- policy: [[activity]]
-- policy: name = "billing"
-- policy: purpose = "billing"
-- policy: databases = ["lab"]
-- policy: columns = ["lab.patient.nir", "lab.patient.nom"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text, telephone text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE TABLE lab.genotype (patient_id integer, hgvs text);
CREATE TABLE lab.unit (code text);

-- fires: lab
-- evidence: no activity of the register is about 6 sensitive tables: lab.p1, lab.p2, lab.p3 and 3 more
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
-- policy: tables = ["lab.patient"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (nir text);
CREATE TABLE lab.p1 (nir text); CREATE TABLE lab.p2 (nir text); CREATE TABLE lab.p3 (nir text);
CREATE TABLE lab.p4 (nir text); CREATE TABLE lab.p5 (nir text); CREATE TABLE lab.p6 (nir text);

-- silent: partitions and children go with their parents, quoted names and staff alone too
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
-- policy: tables = ["lab.patient", "lab.old", 'lab."Résultat"']
-- policy: columns = ['lab."Données".nir']
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
CREATE TABLE lab.old (id integer, nir text);
CREATE TABLE lab.older (year integer) INHERITS (lab.old);
CREATE TABLE lab."Résultat" (id integer, nir text);
CREATE TABLE lab."Données" (id integer, nir text);
CREATE TABLE lab.journal (saisi_par text, adresse_ip inet);

-- fires: activity care
-- evidence: it lists lab.patients, lab.patient.nirr, which are not there
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
-- policy: tables = ["lab.patient", "lab.patients"]
-- policy: columns = ["lab.patient.nir", "lab.patient.nirr"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);

-- silent: the databases of the activity are in another cluster
-- policy: [[activity]]
-- policy: name = "billing"
-- policy: purpose = "billing"
-- policy: databases = ["billing"]
-- policy: tables = ["billing.invoice"]
CREATE SCHEMA lab;
CREATE TABLE lab.unit (code text);

-- fires: export
-- evidence: export has rights on lab.patient, lab.v in database lab (held by x_former), which nothing in the register covers
-- fires: x_stats
-- evidence: x_stats has rights on lab.genotype in database lab, which nothing in the register covers
-- severity: medium
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
-- policy: tables = ["lab.genotype"]
-- policy: recipient_roles = ["geneticists"]
-- policy: [[activity]]
-- policy: name = "statistics"
-- policy: purpose = "statistics"
-- policy: databases = ["lab"]
-- policy: tables = ["lab.patient"]
-- policy: recipient_roles = ["x_stats"]
-- policy: [[service]]
-- policy: role = "x_lis"
-- policy: owner = "IT"
-- policy: purpose = "laboratory"
-- policy: [[account]]
-- policy: role = "x_claire"
-- policy: person = "Claire Martin"
CREATE ROLE export; CREATE ROLE geneticists; CREATE ROLE lab_owner;
CREATE ROLE x_former LOGIN; CREATE ROLE x_stats LOGIN; CREATE ROLE x_lis LOGIN; CREATE ROLE x_claire LOGIN;
CREATE ROLE x_gene LOGIN; CREATE ROLE x_super LOGIN SUPERUSER;
GRANT export TO x_former, x_claire, x_super; GRANT geneticists TO x_gene;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE TABLE lab.genotype (patient_id integer, hgvs text);
CREATE VIEW lab.v AS SELECT nir FROM lab.patient;
ALTER TABLE lab.patient OWNER TO lab_owner;
GRANT SELECT ON lab.patient, lab.v TO export;
GRANT SELECT ON lab.patient, lab.genotype TO x_lis;
GRANT SELECT (nir) ON lab.patient TO x_stats;
GRANT INSERT ON lab.genotype TO x_stats;
GRANT SELECT ON lab.genotype TO geneticists;

-- fires: lab
-- evidence: nothing in the register covers the rights of 6 roles on sensitive tables: x1, x2, x3 and 3 more
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
-- policy: recipient_roles = ["nurses"]
CREATE ROLE nurses;
CREATE ROLE x1 LOGIN; CREATE ROLE x2 LOGIN; CREATE ROLE x3 LOGIN; CREATE ROLE x4 LOGIN; CREATE ROLE x5 LOGIN;
CREATE ROLE x6 LOGIN;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
GRANT SELECT ON lab.patient TO x1, x2, x3, x4, x5, x6;

-- silent: as long as the register names no roles nobody's rights are judged by it
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
CREATE ROLE x1 LOGIN;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
GRANT SELECT ON lab.patient TO x1;

-- fires: contract maintenance 2026
-- evidence: v_anna, v_bot can read types of data that the register does not have as agreed in it: genetic (lab.genotype.hgvs), national_id (lab.patient.nir)
-- severity: high
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[service]]
-- policy: role = "v_bot"
-- policy: owner = "Vendor"
-- policy: purpose = "migration"
-- policy: contract = "maintenance 2026"
-- policy: [[contract]]
-- policy: name = "maintenance 2026"
-- policy: processor = "Vendor"
-- policy: data_types = ["contact"]
-- policy: roles = ["vendor"]
CREATE ROLE vendor; CREATE ROLE v_anna LOGIN IN ROLE vendor; CREATE ROLE v_bot LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO vendor, v_bot;
CREATE TABLE lab.patient (id integer, nir text, telephone text);
CREATE TABLE lab.genotype (patient_id integer, hgvs text);
CREATE TABLE lab.other (patient_id integer, diagnostic text);
CREATE VIEW lab.v AS SELECT nir FROM lab.patient;
GRANT SELECT (telephone) ON lab.patient TO v_bot;
GRANT SELECT ON lab.v TO vendor;
GRANT SELECT ON lab.genotype TO v_bot;

-- silent: the types that were agreed, the text as it was
-- document: contract.pdf 0000000000000000000000000000000000000000000000000000000000000000
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "maintenance 2026"
-- policy: processor = "Vendor"
-- policy: data_types = ["contact"]
-- policy: roles = ["vendor"]
-- policy: document = "contract.pdf"
-- policy: sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
CREATE ROLE vendor; CREATE ROLE v_anna LOGIN IN ROLE vendor;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO vendor;
CREATE TABLE lab.patient (id integer, nir text, telephone text);
GRANT SELECT (telephone) ON lab.patient TO vendor;

-- fires: contract maintenance 2026
-- evidence: v_root can read types of data that the register does not have as agreed in it: national_id (lab.patient.nir)
-- evidence: contract.pdf is not the text that the register was made with: its sha256 is 1111111111111111... now
-- document: contract.pdf 1111111111111111111111111111111111111111111111111111111111111111
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "maintenance 2026"
-- policy: processor = "Vendor"
-- policy: data_types = ["contact"]
-- policy: roles = ["v_root"]
-- policy: document = "contract.pdf"
-- policy: sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
CREATE ROLE v_root LOGIN SUPERUSER;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, telephone text);

-- unknown: a text that cannot be read
-- document: contract.pdf because Permission denied
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "maintenance 2026"
-- policy: processor = "Vendor"
-- policy: document = "contract.pdf"
-- policy: sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
CREATE SCHEMA lab;

-- unknown: a text that nobody looked at
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "maintenance 2026"
-- policy: processor = "Vendor"
-- policy: document = "contract.pdf"
-- policy: sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
CREATE SCHEMA lab;
