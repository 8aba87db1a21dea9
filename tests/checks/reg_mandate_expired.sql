-- fires: mandate move
-- evidence: it ended on 2002-01-01, and mover can log in
-- severity: high
-- folder: 0700
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
-- policy: erase_by = 2002-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover LOGIN;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);

-- fires: mandate move
-- evidence: mover has rights on mandate_move.lab__patient, schema mandate_move in database lab
-- evidence: this is left of it: schema mandate_move with 1 view in database lab
-- folder: 0700
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
-- policy: erase_by = 2002-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
GRANT USAGE ON SCHEMA mandate_move TO mover;
GRANT SELECT ON mandate_move.lab__patient TO mover;

-- fires: mandate move
-- evidence: mover is a member of readers
-- folder: 0700
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
-- policy: erase_by = 2002-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover;
CREATE ROLE readers;
GRANT readers TO mover;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);

-- fires: mandate move
-- evidence: schema mandate_move with 1 view in database lab, row policy mandate_move_others of lab.patient
-- folder: 0700
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
-- policy: erase_by = 2002-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
CREATE POLICY mandate_move_others ON lab.patient USING (true);

-- fires: lab.patient_staging
-- evidence: was made for mandate move and was to be erased by 2002-02-01
-- folder: 0700
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
-- policy: erase_by = 2002-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE TABLE lab.patient_staging (id integer, last_name text);

-- fires: /{folder}
-- evidence: and 1 file is still there: /{folder}/move/patient.csv.age (encrypted (age)
-- folder: 0700
-- file: move/patient.csv.age 0600 1 age-encryption.org/v1\n-> X25519 abc\n
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
-- policy: erase_by = 2002-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);

-- silent: closed and erased; another mandate keeps its files in the same folder
-- folder: 0700
-- file: stay/patient.csv.age 0600 1 age-encryption.org/v1\n-> X25519 abc\n
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
-- policy: erase_by = 2002-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
-- policy: [[mandate]]
-- policy: name = "stay"
-- policy: contract = "V1"
-- policy: purpose = "migration"
-- policy: instructed_by = "Lab"
-- policy: instructed_on = 2001-01-01
-- policy: document = "instruction.pdf"
-- policy: sha256 = "abababababababababababababababababababababababababababababababab"
-- policy: role = "stayer"
-- policy: start = 2001-01-01
-- policy: until = 2999-01-01
-- policy: erase_by = 2999-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}"
-- policy: [[mandate_table]]
-- policy: mandate = "stay"
-- policy: table = "lab.patient"
-- policy: columns = ["id"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);

-- silent: its last day is not over
-- folder: 0700
-- file: move/patient.csv.age 0600 1 age-encryption.org/v1\n-> X25519 abc\n
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
-- policy: erase_by = 2999-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover LOGIN;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);
CREATE SCHEMA mandate_move;
CREATE VIEW mandate_move.lab__patient WITH (security_barrier = true) AS SELECT id, last_name FROM lab.patient;
CREATE TABLE lab.patient_staging (id integer, last_name text);

-- silent: a role that can do nothing more
-- folder: 0700
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
-- policy: erase_by = 2002-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE ROLE mover;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);

-- unknown: nobody looked at the folder
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
-- policy: erase_by = 2002-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/srv/mandate-of-a-test"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);

-- unknown: the folder cannot be seen
-- folder: 0700
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
-- policy: erase_by = 2002-02-01
-- policy: ceiling = 1000
-- policy: recipients = ["key.asc"]
-- policy: staging = ["lab.patient_staging"]
-- policy: folder = "/{folder}/none"
-- policy: [[mandate_table]]
-- policy: mandate = "move"
-- policy: table = "lab.patient"
-- policy: columns = ["id", "last_name"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, last_name text);

-- not-applicable: no mandate
SELECT 1;
