-- fires: lab.patient.nir
-- evidence: national_id stored in clear as text
-- severity: high
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, telephone text);

-- fires: lab.t.a
-- evidence: genetic stored in clear as jsonb
-- policy: [[column]]
-- policy: name = "lab.t.a"
-- policy: category = "genetic"
CREATE SCHEMA lab;
CREATE TABLE lab.t (a jsonb);

-- fires: lab.patient.telephone
-- evidence: contact
-- policy: [encryption]
-- policy: categories = ["contact"]
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, telephone text);

-- two tables, a handful of columns each by itself
-- fires: lab.patient.nir
-- fires: lab.dossier.commentaire
-- evidence: free_text
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE TABLE lab.dossier (patient_id integer, commentaire text);

-- more than a handful in one table
-- fires: lab.patient
-- evidence: 6 columns are stored in clear: 2 genetic (d, e), 1 health_observation (c), 2 free_text (a, b), 1 national_id (f)
-- policy: [[column]]
-- policy: name = "lab.patient.a"
-- policy: category = "free_text"
-- policy: [[column]]
-- policy: name = "lab.patient.b"
-- policy: category = "free_text"
-- policy: [[column]]
-- policy: name = "lab.patient.c"
-- policy: category = "health_observation"
-- policy: [[column]]
-- policy: name = "lab.patient.d"
-- policy: category = "genetic"
-- policy: [[column]]
-- policy: name = "lab.patient.e"
-- policy: category = "genetic"
-- policy: [[column]]
-- policy: name = "lab.patient.f"
-- policy: category = "national_id"
CREATE SCHEMA lab;
CREATE TABLE lab.patient (a text, b text, c text, d text, e text, f text);

-- many tables of one schema
-- fires: lab
-- evidence: 7 columns of 7 tables are stored in clear, none is encrypted: 7 national_id (lab.patient_1.nir and 6 more)
CREATE SCHEMA lab;
CREATE TABLE lab.patient_1 (nir text);
CREATE TABLE lab.patient_2 (nir text);
CREATE TABLE lab.patient_3 (nir text);
CREATE TABLE lab.patient_4 (nir text);
CREATE TABLE lab.patient_5 (nir text);
CREATE TABLE lab.patient_6 (nir text);
CREATE TABLE lab.patient_7 (nir text);

-- many tables of several schemas
-- fires: lab
-- evidence: 6 columns of 6 tables
CREATE SCHEMA lab_a;
CREATE SCHEMA lab_b;
CREATE TABLE lab_a.patient_1 (nir text);
CREATE TABLE lab_a.patient_2 (nir text);
CREATE TABLE lab_a.patient_3 (nir text);
CREATE TABLE lab_b.patient_4 (nir text);
CREATE TABLE lab_b.patient_5 (nir text);
CREATE TABLE lab_b.patient_6 (nir text);

-- a waived column is told by itself, so that the report says that it is waived
-- fires: lab.patient_1.nir
-- fires: lab
-- evidence: 6 columns of 6 tables
-- policy: [[waiver]]
-- policy: check = "enc-plaintext-column"
-- policy: subject = "lab.patient_1.nir"
-- policy: reason = "read-only archive until it is purged"
-- policy: owner = "RSSI"
-- policy: until = 2099-01-01
CREATE SCHEMA lab;
CREATE TABLE lab.patient_1 (nir text);
CREATE TABLE lab.patient_2 (nir text);
CREATE TABLE lab.patient_3 (nir text);
CREATE TABLE lab.patient_4 (nir text);
CREATE TABLE lab.patient_5 (nir text);
CREATE TABLE lab.patient_6 (nir text);
CREATE TABLE lab.patient_7 (nir text);

-- the comment of pgguard says so, but text is no ciphertext
-- fires: lab.patient.nir
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
COMMENT ON COLUMN lab.patient.nir IS 'pgguard: encrypted';

-- a comment that says something else
-- unknown: nobody knows what is in the bytes
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
COMMENT ON COLUMN lab.patient.nir IS 'should be encrypted by pgguard: one day';

-- the clear column stands beside the encrypted one
-- fires: lab.patient.nir
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nir_enc bytea);
CREATE VIEW lab.v_patient AS SELECT id, pgp_sym_decrypt(nir_enc, current_setting('lab.key')) AS nir FROM lab.patient;

-- partitions say nothing of their own
-- fires: lab.patient.nir
-- versions: 10-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
CREATE TABLE lab.patient_2 PARTITION OF lab.patient FOR VALUES FROM (10) TO (20);

-- a materialized view of a clear column is told with it
-- fires: lab.patient.nir
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE MATERIALIZED VIEW lab.patient_copy AS SELECT id, nir FROM lab.patient;

-- a column that is found and one that is not known: the check fails, and says that it is incomplete
-- fires: lab.patient.nir
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE TABLE lab.dossier (patient_id integer, commentaire bytea);

-- bytes alone prove nothing
-- unknown: it may be ciphertext, it may be a scanned letter
CREATE SCHEMA lab;
CREATE TABLE lab.dossier (patient_id integer, commentaire bytea);

-- a function of the same name that pgcrypto did not bring opens nothing
-- unknown: somebody's own decrypt()
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE FUNCTION lab.decrypt(bytea) RETURNS text LANGUAGE sql AS 'SELECT encode($1, ''hex'')';
CREATE VIEW lab.v_patient AS SELECT id, lab.decrypt(nir) AS nir FROM lab.patient;

-- silent: a view decrypts it
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE VIEW lab.v_patient AS SELECT id, pgp_sym_decrypt(nir, current_setting('lab.key')) AS nir FROM lab.patient;

-- silent: armoured text that a view decrypts
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE VIEW lab.v_patient AS
SELECT id, pgp_sym_decrypt(dearmor(nir), current_setting('lab.key')) AS nir FROM lab.patient;

-- silent: a function decrypts it with an IV
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE FUNCTION lab.nir_of(integer, bytea) RETURNS text LANGUAGE sql AS $f$
    SELECT convert_from(decrypt_iv(substr(p.nir, 17), $2, substr(p.nir, 1, 16), 'aes-cbc/pad:pkcs'), 'UTF8')
    FROM lab.patient AS p WHERE p.id = $1
$f$;

-- silent: a view calls a function that passes the value on to pgcrypto
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE FUNCTION lab.dechiffrer(valeur bytea) RETURNS text LANGUAGE plpgsql STABLE AS $f$
BEGIN
    RETURN public.pgp_sym_decrypt(valeur, current_setting('lab.key'));
END
$f$;
CREATE VIEW lab.v_patient AS SELECT id, lab.dechiffrer(nir) AS nir FROM lab.patient;

-- silent: a view over a view decrypts it
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE VIEW lab.raw AS SELECT id, nir AS secret FROM lab.patient;
CREATE VIEW lab.v_patient AS SELECT id, pgp_sym_decrypt(secret, current_setting('lab.key')) AS nir FROM lab.raw;

-- silent: a trigger opens it
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE FUNCTION lab.verify() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM public.pgp_sym_decrypt(NEW.nir, current_setting('lab.key'));
    RETURN NEW;
END
$f$;
CREATE TRIGGER verify BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.verify();

-- silent: pgguard encrypted it
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
COMMENT ON COLUMN lab.patient.nir IS 'pgguard: encrypted with key 3';

-- silent: pgguard's own type
CREATE SCHEMA pgguard;
CREATE DOMAIN pgguard.ciphertext AS bytea;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir pgguard.ciphertext);

-- silent: pgguard's own function opens it
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.decrypt_text(bytea) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE VIEW lab.v_patient AS SELECT id, pgguard.decrypt_text(nir) AS nir FROM lab.patient;

-- silent: categories that need not be encrypted
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nom text, telephone text);

-- silent: no person's
CREATE SCHEMA lab;
CREATE TABLE lab.unit (code text, symbol text);

-- silent: hashes of passwords
-- policy: [encryption]
-- policy: categories = ["credential"]
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.users (login text, password text);
CREATE FUNCTION lab.may_enter(who text, given text) RETURNS boolean LANGUAGE sql AS
$f$ SELECT u.password = crypt(given, u.password) FROM lab.users AS u WHERE u.login = who $f$;

-- silent: a foreign table keeps nothing here
CREATE EXTENSION postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw;
CREATE SCHEMA lab;
CREATE FOREIGN TABLE lab.patient (id integer, nir text) SERVER elsewhere;

-- not-applicable: the policy wants nothing encrypted
-- policy: [encryption]
-- policy: categories = []
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);

-- silent: every value of the bytes is a PGP message
-- sample: 50
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (patient_id integer, nir bytea);
INSERT INTO lab.patient SELECT n, pgp_sym_encrypt('185057800608' || n, 'made-up') FROM generate_series(1, 30) AS n;

-- fires: lab.patient.nir
-- sample: 50
CREATE SCHEMA lab;
CREATE TABLE lab.patient (patient_id integer, nir bytea);
INSERT INTO lab.patient SELECT n, convert_to('185057800608' || n, 'UTF8') FROM generate_series(1, 30) AS n;

-- silent: an inlet, which takes what is written and keeps nothing
CREATE SCHEMA lab;
CREATE TABLE lab.patient_pgg1 (id integer PRIMARY KEY, nir text, nir_pgg1 bytea,
    CONSTRAINT patient_nir_inlet CHECK (nir IS NULL));
COMMENT ON COLUMN lab.patient_pgg1.nir IS 'pgguard: inlet, what is written here is sealed and never kept';
COMMENT ON COLUMN lab.patient_pgg1.nir_pgg1 IS 'pgguard: encrypted';

-- fires: lab.patient_pgg1.nir
CREATE SCHEMA lab;
CREATE TABLE lab.patient_pgg1 (id integer PRIMARY KEY, nir text, nir_pgg1 bytea);
ALTER TABLE lab.patient_pgg1 ADD CONSTRAINT patient_nir_inlet CHECK (nir IS NULL) NOT VALID;
COMMENT ON COLUMN lab.patient_pgg1.nir IS 'pgguard: inlet, what is written here is sealed and never kept';
COMMENT ON COLUMN lab.patient_pgg1.nir_pgg1 IS 'pgguard: encrypted';
