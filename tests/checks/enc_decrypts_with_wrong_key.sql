-- fires: lab.patient.nir_enc
-- evidence: 2 of 3 values are PGP messages that any key opens
-- severity: critical
-- sample: 100
-- cluster: values are looked at
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir_enc bytea, note_enc text);
INSERT INTO lab.patient VALUES (1, '\xc30d04040302ae0d7e1a04ddd9db69d2440148a905847d95078b078bcb2174006b07e9864d415254494e20436c616972652031383030313735313233343536d314b0a0ba2e34b511314cb16097dfa8bc0cd7788578', NULL), (2, '\xc30d04040302ae0d7e1a04ddd9db69d2440148a905847d9511221122cb2174006b07e9864d415254494e20436c616972652031383030313735313233343536d314b0a0ba2e34b511314cb16097dfa8bc0cd7788578', NULL), (3, pgp_sym_encrypt('secret', 'a key', 'cipher-algo=aes256'), NULL);

-- fires: lab.patient.note_enc
-- evidence: 2 of 2 values are PGP messages
-- sample: 100
-- cluster: values are looked at
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir_enc bytea, note_enc text);
INSERT INTO lab.patient SELECT n, NULL, encode('\xc30d04040302ae0d7e1a04ddd9db69d2440148a905847d95078b078bcb2174006b07e9864d415254494e20436c616972652031383030313735313233343536d314b0a0ba2e34b511314cb16097dfa8bc0cd7788578', CASE n WHEN 1 THEN 'base64' ELSE 'hex' END) FROM generate_series(1, 2) AS n;

-- fires: lab.patient.nir_enc
-- evidence: its values open with AES and an empty key
-- sample: 100
-- cluster: values are looked at
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir_enc bytea, note_enc text);
INSERT INTO lab.patient SELECT n, encrypt(convert_to('secret ' || n, 'UTF8'), '', 'aes'), NULL FROM generate_series(1, 20) AS n;

-- fires: lab.patient.nir_enc
-- evidence: 1 of 2 values are readable as they are, and stored SQL decrypts the column
-- sample: 100
-- cluster: values are looked at
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir_enc bytea, note_enc text);
CREATE FUNCTION lab.key() RETURNS text LANGUAGE sql AS 'SELECT current_setting(''lab.key'')';
CREATE VIEW lab.patients AS SELECT id, pgp_sym_decrypt(nir_enc, lab.key()) AS nir FROM lab.patient;
INSERT INTO lab.patient VALUES (1, convert_to('1800175123456', 'UTF8'), NULL), (2, pgp_sym_encrypt('x', 'a key', 'cipher-algo=aes256'), NULL);

-- silent: what is encrypted with a key; bytes of another kind
-- sample: 100
-- cluster: values are looked at
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir_enc bytea, note_enc text);
CREATE FUNCTION lab.key() RETURNS text LANGUAGE sql AS 'SELECT current_setting(''lab.key'')';
CREATE VIEW lab.patients AS SELECT id, pgp_sym_decrypt(nir_enc, lab.key()) AS nir FROM lab.patient;
INSERT INTO lab.patient SELECT n, pgp_sym_encrypt('secret ' || n, 'a key', 'cipher-algo=aes256'), NULL FROM generate_series(1, 200) AS n;
CREATE TABLE lab.file (id integer, scan bytea);
CREATE TABLE lab.raw (id integer, cipher bytea, digest bytea);
INSERT INTO lab.raw SELECT n, encrypt(convert_to('secret ' || n, 'UTF8'), 'a key', 'aes'), decode(md5(n::text), 'hex') FROM generate_series(1, 200) AS n;
INSERT INTO lab.file VALUES (1, '\x89504e470d0a1a0a');

-- not-applicable: nobody asked to look at values
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir_enc bytea, note_enc text);
CREATE FUNCTION lab.key() RETURNS text LANGUAGE sql AS 'SELECT current_setting(''lab.key'')';
CREATE VIEW lab.patients AS SELECT id, pgp_sym_decrypt(nir_enc, lab.key()) AS nir FROM lab.patient;

-- unknown: the table may not be read
-- sample: 100
-- cluster: values are looked at
-- as: auditor
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir_enc bytea, note_enc text);
CREATE FUNCTION lab.key() RETURNS text LANGUAGE sql AS 'SELECT current_setting(''lab.key'')';
CREATE VIEW lab.patients AS SELECT id, pgp_sym_decrypt(nir_enc, lab.key()) AS nir FROM lab.patient;
INSERT INTO lab.patient SELECT n, pgp_sym_encrypt('secret ' || n, 'a key'), NULL FROM generate_series(1, 3) AS n;
CREATE ROLE auditor LOGIN PASSWORD 'only-for-this-test-run-7b1c';
GRANT pg_monitor TO auditor;

-- not-applicable: no pgcrypto
SELECT 1;

-- not-applicable: nothing stored opens a column, and values were not looked at
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir_enc bytea, note_enc text);
