-- silent: the view shows the mandated rows and columns
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- silent: all rows were instructed
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;
CREATE TABLE lab.unit (code text);
GRANT USAGE ON SCHEMA lab TO PUBLIC;
GRANT SELECT ON lab.unit TO PUBLIC;

-- silent: row policies hold the role to the mandated rows
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO mover;
GRANT SELECT (id, last_name) ON lab.patient TO mover;
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY mandate_move_rows ON lab.patient FOR SELECT TO mover USING (entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7);
CREATE POLICY mandate_move_limit ON lab.patient AS RESTRICTIVE TO mover USING (entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7) WITH CHECK (false);
CREATE POLICY mandate_move_others ON lab.patient USING (true) WITH CHECK (true);

-- silent: the role is not there
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);

-- not-applicable: no mandate
SELECT 1;

-- fires: mandate move: lab.patient
-- evidence: mover can read columns nir, entered, status, ward, which the mandate has not
-- evidence: it reads the table itself, and no row policy
-- severity: critical
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO mover;
GRANT SELECT ON lab.patient TO mover;

-- fires: mandate move: lab.resultat
-- evidence: can read columns id, patient_id, diagnostic
-- fires: mandate move
-- evidence: mover is a member of readers
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;
CREATE ROLE readers;
GRANT readers TO mover;
GRANT USAGE ON SCHEMA lab TO readers;
GRANT SELECT ON lab.resultat TO readers;

-- fires: mandate move: lab.resultat
-- evidence: diagnostic
-- fires: mandate move
-- severity: high
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;
CREATE ROLE readers;
GRANT readers TO mover;
GRANT USAGE ON SCHEMA lab TO readers;
GRANT SELECT ON lab.resultat TO readers;

-- fires: mandate move: lab.resultat
-- evidence: diagnostic through lab.codes
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;
CREATE VIEW lab.codes AS SELECT diagnostic FROM lab.resultat;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
GRANT SELECT ON lab.codes TO PUBLIC;

-- fires: mandate move: lab.patient
-- evidence: nir through lab.number_of(integer)
-- evidence: it reads them through lab.name_of(integer)
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;
CREATE FUNCTION lab.number_of(integer) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT nir FROM lab.patient WHERE id = $1';
CREATE FUNCTION lab.name_of(integer) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT last_name FROM lab.patient WHERE id = $1';
GRANT USAGE ON SCHEMA lab TO PUBLIC;

-- fires: mandate move: lab.patient
-- evidence: is not held to the mandate's rows: the condition of mandate_move.lab__patient is not the mandate's
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') ;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move: lab.patient
-- evidence: the condition of mandate_move.lab__patient
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 8;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move: lab.patient
-- evidence: is no security_barrier view
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move: lab.patient
-- evidence: can read column nir through mandate_move.lab__patient
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name, nir FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move: lab.patient
-- evidence: no row policy holds it
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO mover;
GRANT SELECT (id, last_name) ON lab.patient TO mover;
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY mandate_move_rows ON lab.patient FOR SELECT TO mover USING (entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7);
CREATE POLICY mandate_move_limit ON lab.patient AS RESTRICTIVE TO mover USING (entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7) WITH CHECK (false);
CREATE POLICY mandate_move_others ON lab.patient USING (true) WITH CHECK (true);
DROP POLICY mandate_move_limit ON lab.patient;

-- fires: mandate move: lab.patient
-- evidence: no row policy holds it
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO mover;
GRANT SELECT (id, last_name) ON lab.patient TO mover;
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY mandate_move_rows ON lab.patient FOR SELECT TO mover USING (entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7);
CREATE POLICY mandate_move_limit ON lab.patient AS RESTRICTIVE TO mover USING (entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7) WITH CHECK (false);
CREATE POLICY mandate_move_others ON lab.patient USING (true) WITH CHECK (true);
ALTER TABLE lab.patient DISABLE ROW LEVEL SECURITY;

-- fires: mandate move: lab.patient
-- evidence: no row policy holds it
-- fires: mandate move
-- evidence: mover has BYPASSRLS
-- severity: critical
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO mover;
GRANT SELECT (id, last_name) ON lab.patient TO mover;
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY mandate_move_rows ON lab.patient FOR SELECT TO mover USING (entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7);
CREATE POLICY mandate_move_limit ON lab.patient AS RESTRICTIVE TO mover USING (entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7) WITH CHECK (false);
CREATE POLICY mandate_move_others ON lab.patient USING (true) WITH CHECK (true);
ALTER ROLE mover BYPASSRLS;

-- fires: mandate move
-- evidence: mover has SUPERUSER
-- evidence: mover may connect without a limit
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
ALTER ROLE mover SUPERUSER CONNECTION LIMIT -1;

-- fires: mandate move: lab.patient
-- evidence: mover may INSERT, UPDATE
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO mover;
GRANT SELECT (id, last_name) ON lab.patient TO mover;
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY mandate_move_rows ON lab.patient FOR SELECT TO mover USING (entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7);
CREATE POLICY mandate_move_limit ON lab.patient AS RESTRICTIVE TO mover USING (entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7) WITH CHECK (false);
CREATE POLICY mandate_move_others ON lab.patient USING (true) WITH CHECK (true);
GRANT INSERT ON lab.patient TO mover;
GRANT UPDATE (last_name) ON lab.patient TO mover;

-- fires: mandate move: lab.patient_2020
-- evidence: can read column nir
-- fires: mandate move: lab.patient
-- evidence: it reads them through lab.patient_2020
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer) PARTITION BY RANGE (entered);
CREATE TABLE lab.patient_2020 PARTITION OF lab.patient FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;
GRANT USAGE ON SCHEMA lab TO mover;
GRANT SELECT (nir, last_name) ON lab.patient_2020 TO mover;

-- silent: partitions of a mandated table
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer) PARTITION BY RANGE (entered);
CREATE TABLE lab.patient_2020 PARTITION OF lab.patient FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move: other tables
-- evidence: mover goes beyond it on 7 tables
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO mover;
CREATE TABLE lab.resultat_0 (id integer, patient_id integer, diagnostic text);
CREATE TABLE lab.resultat_1 (id integer, patient_id integer, diagnostic text);
CREATE TABLE lab.resultat_2 (id integer, patient_id integer, diagnostic text);
CREATE TABLE lab.resultat_3 (id integer, patient_id integer, diagnostic text);
CREATE TABLE lab.resultat_4 (id integer, patient_id integer, diagnostic text);
GRANT SELECT ON ALL TABLES IN SCHEMA lab TO mover;

-- fires: mandate move
-- evidence: instruction.pdf is not the instruction that was declared
-- evidence: its contract V1 is not in force
-- evidence: it takes types of data that its contract V1 has not agreed: direct_identifier
-- document: instruction.pdf cdababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: end = 2002-02-02
-- policy: data_types = ["contact"]
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move
-- evidence: its instruction instruction.pdf is not there to be read: No such file
-- document: instruction.pdf because No such file or directory
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- unknown: nobody looked at the instruction
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- unknown: a function that builds its statements
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;
CREATE FUNCTION lab.any(text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN QUERY EXECUTE $1; END';
GRANT USAGE ON SCHEMA lab TO PUBLIC;

-- fires: mandate move
-- evidence: read lab.resultat on
-- evidence: by COPY, which it has nothing of
-- evidence: read 1200 rows in all, of 1000 allowed
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- ingested: 30
-- read: 1 mover lab.resultat 1 10 1
-- read: 1 mover mandate_move.lab__patient 1 400 1
-- read: 0 mover mandate_move.lab__patient 2 800 2
-- read: 0 mover lab.unit 2 800 2
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move
-- evidence: after its end, 2002-01-01
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2002-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- ingested: 30
-- read: 1 mover mandate_move.lab__patient 1 4 1
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;

-- fires: mandate move
-- evidence: before its start, 2998-01-01
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2998-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- ingested: 30
-- read: 1 mover lab.patient 1 4 1
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);

-- silent: an extraction of exactly its ceiling, counted before, told of the view and of the table
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 400
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: ceiling = 400
-- ingested: 30
-- read: 1 mover mandate_move.lab__patient 2 401 1
-- read: 1 mover lab.patient 2 401 1
-- read: 1 somebody lab.resultat 1 400 1
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move
-- evidence: read 400 rows of lab.patient, of 300 allowed
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: ceiling = 300
-- ingested: 30
-- read: 1 mover mandate_move.lab__patient 1 400 1
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move
-- evidence: read 400 rows of lab.patient, of 300 allowed
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: ceiling = 300
-- ingested: 30
-- read: 1 mover mandate_move.lab__patient 400 400 0
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- silent: what was made for the mandate may be read and written
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_copy"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;
GRANT USAGE ON SCHEMA lab TO mover;
CREATE TABLE lab.patient_copy (id integer, nir text);
GRANT ALL ON lab.patient_copy TO mover;

-- fires: mandate move: lab.patient
-- evidence: the condition of mandate_move.lab__patient
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2021-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move: lab.patient
-- evidence: the condition of mandate_move.lab__patient
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'c') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move: lab.patient
-- evidence: no row policy holds it
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
GRANT USAGE ON SCHEMA lab TO mover;
GRANT SELECT (id, last_name) ON lab.patient TO mover;
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY mandate_move_rows ON lab.patient FOR SELECT TO mover USING (entered BETWEEN DATE '2019-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7);
CREATE POLICY mandate_move_limit ON lab.patient AS RESTRICTIVE TO mover USING (entered BETWEEN DATE '2019-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7) WITH CHECK (false);
CREATE POLICY mandate_move_others ON lab.patient USING (true) WITH CHECK (true);

-- silent: conditions of many types, as the server prints them
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "born >= '2020-01-01' AND size < 01.50 AND code = 7 AND name LIKE 'A%' AND ok AND NOT gone IS TRUE AND visited IS NOT NULL AND ward <> 'x' AND amount IN (1, 2.5) AND code BETWEEN -3 AND 70000 AND at < '2021-01-01 10:00:00'"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, born timestamp, size numeric(9, 4), code smallint,
    name varchar(20), ok boolean, gone boolean, visited date, ward char(3), amount double precision, at timestamp);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient
WHERE born >= '2020-01-01' AND size < 01.50 AND code = 7 AND name LIKE 'A%' AND ok AND NOT gone IS TRUE AND visited IS NOT NULL AND ward <> 'x' AND amount IN (1, 2.5) AND code BETWEEN -3 AND 70000 AND at < '2021-01-01 10:00:00';
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move: lab.patient
-- evidence: the condition of mandate_move.lab__patient
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "born >= '2020-01-01' AND size < 01.50 AND code = 7 AND name LIKE 'A%' AND ok AND NOT gone IS TRUE AND visited IS NOT NULL AND ward <> 'x' AND amount IN (1, 2.5) AND code BETWEEN -3 AND 70000 AND at < '2021-01-01 10:00:00'"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, born timestamp, size numeric(9, 4), code smallint,
    name varchar(20), ok boolean, gone boolean, visited date, ward char(3), amount double precision, at timestamp);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient
WHERE born >= '2020-01-01' AND size < 01.50 AND code = 7 AND name LIKE 'A%' AND ok AND NOT gone IS TRUE AND visited IS NOT NULL AND ward <> 'x' AND amount IN (1, 2.5) AND code BETWEEN -3 AND 70001 AND at < '2021-01-01 10:00:00';
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move: lab.patient
-- evidence: can read column nir through pg_catalog.pg_stats
-- evidence: it reads the table itself
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;
GRANT SELECT (last_name, nir) ON lab.patient TO PUBLIC;

-- fires: mandate move: large objects
-- evidence: mover can read 2 large objects
-- document: instruction.pdf abababababababababababababababababababababababababababababababab
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "V1"
-- policy: processor = "Vendor"
-- policy: [[mandate]]
-- policy: name = "move"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "mover"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-01-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: rows = "entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7"
CREATE ROLE mover LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text, entered date, status text, ward integer);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient WHERE entered BETWEEN DATE '2020-01-01' AND DATE '2020-12-31' AND status IN ('a', 'b') AND NOT ward = 7;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;
SELECT lo_create(70001), lo_create(70002), lo_create(70003);
GRANT SELECT ON LARGE OBJECT 70001, 70002 TO mover;
