-- an index that decrypts; the function that does it says IMMUTABLE, or there would be no index
-- fires: lab.patient_nir_clear
-- evidence: lab.patient.nir in clear, which is stored encrypted
-- severity: medium
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE FUNCTION lab.dechiffrer(valeur bytea) RETURNS text LANGUAGE sql IMMUTABLE AS
$f$ SELECT public.pgp_sym_decrypt(valeur, current_setting('lab.key', true)) $f$;
CREATE INDEX patient_nir_clear ON lab.patient (lab.dechiffrer(nir));

-- fires: lab.patient_nir_clear
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE FUNCTION lab.key() RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT current_setting('lab.key', true) $f$;
CREATE UNIQUE INDEX patient_nir_clear ON lab.patient (id, lower(pgp_sym_decrypt(nir, lab.key())));

-- fires: lab.patient_nir_digest
-- evidence: digests of lab.patient.nir without a key
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE INDEX patient_nir_digest ON lab.patient (digest(nir, 'sha256'));

-- a salt that stands in the definition is read by everybody
-- fires: lab.patient_nir_digest
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE INDEX patient_nir_digest ON lab.patient (md5('salt' || nir));

-- a digest of what is encrypted, made from the clear value
-- fires: lab.patient_nir_digest
-- evidence: digests of lab.patient.nir
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE FUNCTION lab.key() RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT current_setting('lab.key', true) $f$;
CREATE INDEX patient_nir_digest ON lab.patient (digest(pgp_sym_decrypt(nir, lab.key()), 'sha256'));

-- through a function of its own
-- fires: lab.patient_nir_digest
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE FUNCTION lab.empreinte(valeur text) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$f$ SELECT public.digest(valeur, 'sha256') $f$;
CREATE INDEX patient_nir_digest ON lab.patient (lab.empreinte(nir));

-- fires: lab.patient_copy
-- evidence: the materialized view holds lab.patient.nir in clear
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE MATERIALIZED VIEW lab.patient_copy AS
SELECT id, pgp_sym_decrypt(nir, current_setting('lab.key')) AS nir FROM lab.patient WITH NO DATA;

-- through a view
-- fires: lab.patient_copy
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE VIEW lab.v_patient AS SELECT id, pgp_sym_decrypt(nir, current_setting('lab.key')) AS nir FROM lab.patient;
CREATE MATERIALIZED VIEW lab.patient_copy AS SELECT id, upper(nir) AS nir FROM lab.v_patient WITH NO DATA;

-- the pseudonym of a research copy
-- fires: lab.research
-- evidence: digests of lab.patient.nir without a key
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE MATERIALIZED VIEW lab.research AS SELECT md5(p.nir) AS pseudonym FROM lab.patient AS p;

-- fires: lab.patient.nir_clear
-- evidence: the generated column holds lab.patient.nir in clear
-- versions: 12-
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE FUNCTION lab.key() RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT current_setting('lab.key', true) $f$;
CREATE TABLE lab.patient (
    id integer, nir bytea, nir_clear text GENERATED ALWAYS AS (pgp_sym_decrypt(nir, lab.key())) STORED
);

-- fires: lab.patient.nir_digest
-- versions: 12-
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (
    id integer, nir text, nir_digest bytea GENERATED ALWAYS AS (digest(nir, 'sha256')) STORED
);

-- fires: lab.patient_nir_stats
-- evidence: the extended statistics hold lab.patient.nir in clear
-- versions: 14-
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE FUNCTION lab.key() RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT current_setting('lab.key', true) $f$;
CREATE STATISTICS lab.patient_nir_stats ON (pgp_sym_decrypt(nir, lab.key())) FROM lab.patient;

-- many of them
-- fires: lab
-- evidence: 6 objects undo encryption (lab.c1, lab.c2, lab.c3 and 3 more)
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE INDEX c1 ON lab.patient (md5(nir));
CREATE INDEX c2 ON lab.patient (digest(nir, 'sha256'));
CREATE INDEX c3 ON lab.patient (digest(nir, 'sha512'));
CREATE INDEX c4 ON lab.patient (left(md5(nir), 8));
CREATE INDEX c5 ON lab.patient (upper(md5(nir)));
CREATE INDEX c6 ON lab.patient (md5(lower(nir)));

-- silent: a blind index
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea, nir_blind bytea);
CREATE FUNCTION lab.key() RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT current_setting('lab.key', true) $f$;
CREATE INDEX patient_nir_blind ON lab.patient (nir_blind);
CREATE INDEX patient_nir_hmac ON lab.patient (hmac(pgp_sym_decrypt(nir, lab.key()), lab.key(), 'sha256'));

-- silent: a blind index by a function of its own
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE FUNCTION lab.key() RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT current_setting('lab.key', true) $f$;
CREATE FUNCTION lab.aveugle(valeur text) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$f$ SELECT public.hmac(valeur, lab.key(), 'sha256') $f$;
CREATE INDEX patient_nir_blind ON lab.patient (lab.aveugle(pgp_sym_decrypt(nir, lab.key())));

-- silent: a digest over a pepper that a function gives
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE FUNCTION lab.pepper() RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT current_setting('lab.key', true) $f$;
CREATE INDEX patient_nir_blind ON lab.patient (digest(lab.pepper() || nir, 'sha256'));

-- silent: an index on the ciphertext
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE VIEW lab.v_patient AS SELECT id, pgp_sym_decrypt(nir, current_setting('lab.key')) AS nir FROM lab.patient;
CREATE INDEX patient_nir ON lab.patient (nir);
CREATE INDEX patient_nir_length ON lab.patient (octet_length(nir));

-- silent: an index on a clear column, which enc-plaintext-column tells
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text);
CREATE INDEX patient_nir ON lab.patient (nir);
CREATE INDEX patient_nir_lower ON lab.patient (lower(nir));

-- silent: a digest of a text that nobody can guess
CREATE SCHEMA lab;
CREATE TABLE lab.dossier (patient_id integer, commentaire text);
CREATE INDEX dossier_commentaire ON lab.dossier (md5(commentaire));

-- silent: a materialized view of the ciphertext, beside a view that decrypts it
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE VIEW lab.v_patient AS SELECT id, pgp_sym_decrypt(nir, current_setting('lab.key')) AS nir FROM lab.patient;
CREATE MATERIALIZED VIEW lab.patient_copy AS SELECT id, nir FROM lab.patient;

-- silent: a materialized view that counts what it decrypts
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir bytea);
CREATE VIEW lab.v_patient AS SELECT id, pgp_sym_decrypt(nir, current_setting('lab.key')) AS nir FROM lab.patient;
CREATE MATERIALIZED VIEW lab.numbers AS SELECT count(nir) AS patients FROM lab.v_patient WITH NO DATA;

-- silent: digests of what is no person's
CREATE SCHEMA lab;
CREATE TABLE lab.unit (code text, symbol text);
CREATE INDEX symbol_md5 ON lab.unit (md5(symbol));
