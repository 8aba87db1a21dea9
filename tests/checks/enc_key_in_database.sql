-- fires: lab.chiffrer(text)
-- evidence: its body holds a literal as the key of pgp_sym_encrypt()
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE FUNCTION lab.chiffrer(clair text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT pgp_sym_encrypt(clair, 'made-up-81b') $body$;

-- fires: lab.seal(text)
-- evidence: variable passphrase holds the key of encrypt_iv() as a literal
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto SCHEMA lab;
CREATE FUNCTION lab.seal(value text) RETURNS bytea LANGUAGE plpgsql AS $f$
DECLARE
    passphrase CONSTANT bytea := 'made-up-' || 'passphrase-7';
    iv bytea;
BEGIN
    iv := lab.gen_random_bytes(16);
    RETURN lab.encrypt_iv(value::bytea, passphrase, iv, 'aes');
END
$f$;

-- fires: lab.open_it(bytea, text)
-- evidence: the default of argument k is the key of pgp_sym_decrypt()
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE FUNCTION lab.open_it(secret bytea, k text DEFAULT 'made-up-81b') RETURNS text LANGUAGE sql
AS $body$ SELECT pgp_sym_decrypt(secret, k) $body$;

-- fires: lab.get_key()
-- evidence: it gives the key of pgp_sym_encrypt() in lab.chiffrer(text) as a literal
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE FUNCTION lab.get_key() RETURNS text LANGUAGE sql IMMUTABLE AS $body$ SELECT 'made-up-81b'::text $body$;
CREATE FUNCTION lab.chiffrer(clair text) RETURNS bytea LANGUAGE plpgsql
AS $body$ BEGIN RETURN pgp_sym_encrypt(clair, lab.get_key(), 'cipher-algo=aes256'); END $body$;

-- fires: lab.save(text)
-- evidence: as the key of chiffrer(), which hands it on to pgcrypto
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE TABLE lab.t (v bytea);
CREATE FUNCTION lab.chiffrer(clair text, cle text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT pgp_sym_encrypt($1, $2) $body$;
CREATE FUNCTION lab.save(clair text) RETURNS void LANGUAGE sql
AS $body$ INSERT INTO lab.t VALUES (lab.chiffrer(clair, 'made-up-81b')) $body$;

-- fires: lab.v_patient
-- evidence: its query holds a literal as the key of pgp_sym_decrypt()
-- fires: lab.patient.code
-- evidence: its default holds a literal as the key of hmac()
-- fires: lab.patient
-- evidence: index by_nir holds a literal as the key of hmac()
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE TABLE lab.patient (nir bytea, nom text, code bytea DEFAULT hmac('x', 'made-up-81b', 'sha256'));
CREATE VIEW lab.v_patient AS SELECT pgp_sym_decrypt(nir, 'made-up-81b') AS nir FROM lab.patient;
CREATE INDEX by_nir ON lab.patient (hmac(nom, 'made-up-81b', 'sha256'));

-- fires: lab.patient
-- evidence: rule keep holds a literal as the key of pgp_sym_encrypt(); trigger t holds a literal
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE TABLE lab.patient (nir bytea, nom text);
CREATE RULE keep AS ON UPDATE TO lab.patient
    DO ALSO INSERT INTO lab.patient VALUES (pgp_sym_encrypt(NEW.nom, 'made-up-81b'));
CREATE FUNCTION lab.nothing() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN RETURN NEW; END $body$;
CREATE TRIGGER t BEFORE INSERT ON lab.patient FOR EACH ROW
    WHEN (pgp_sym_decrypt(NEW.nir, 'made-up-81b') <> '') EXECUTE PROCEDURE lab.nothing();

-- fires: lab.patient
-- evidence: policy own holds a literal as the key of pgp_sym_decrypt()
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE TABLE lab.patient (nir bytea);
CREATE POLICY own ON lab.patient USING (pgp_sym_decrypt(nir, 'made-up-81b') = current_user);

-- fires: lab.patient.masked
-- evidence: its default holds a literal as the key of hmac()
-- versions: 12-
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE TABLE lab.patient (nom text, masked bytea GENERATED ALWAYS AS (hmac(nom, 'made-up-81b', 'sha256')) STORED);

-- fires: public.f(text)
-- evidence: its body holds a literal as the key of pgp_sym_encrypt()
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.f(clair text) RETURNS bytea LANGUAGE plpgsql AS $body$
DECLARE v bytea;
BEGIN
    EXECUTE 'SELECT pgp_sym_encrypt($1, ''made-up-81b'')' INTO v USING clair;
    RETURN v;
END
$body$;

-- fires: public.f(bytea)
-- evidence: its body holds a literal as the key of pgp_pub_decrypt()
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.f(crypt bytea) RETURNS text LANGUAGE sql
AS $body$ SELECT pgp_pub_decrypt(crypt, dearmor(current_setting('app.key')), 'made-up-81b') $body$;

-- fires: public.f(text)
-- evidence: its body holds an empty text as the key of pgp_sym_encrypt()
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.f(clair text) RETURNS bytea LANGUAGE sql AS $body$ SELECT pgp_sym_encrypt(clair, '') $body$;

-- fires: public.f(text)
-- evidence: its body holds a literal as the key of pgp_sym_encrypt()
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.f(clair text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT pgp_sym_encrypt(clair, coalesce(current_setting('app.key', true), 'made-up-81b')) $body$;

-- fires: public.f(text)
-- evidence: its body holds a literal as the key of hmac()
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.f(clair text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT hmac(clair, 20240131::text, 'sha256') $body$;

-- fires: public.f(text)
-- evidence: its body holds a literal as the key of pgp_sym_encrypt()
-- versions: 14-
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.f(clair text) RETURNS bytea LANGUAGE sql RETURN pgp_sym_encrypt(clair, 'made-up-81b');

-- fires: public.f()
-- evidence: its SET clause holds parameter app.encryption_key
CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql SET app.encryption_key = 'made-up-81b' AS $body$ SELECT 1 $body$;

-- fires: public.f()
-- evidence: parameter lis.cle is set to a literal
CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $body$
BEGIN PERFORM set_config('lis.cle', 'made-up-81b', false); SET lis.cle = 'made-up-81b'; END $body$;

-- fires: pg_stat_statements
-- evidence: tracked statements hold the key given to pgp_sym_encrypt() by postgres
-- conf: shared_preload_libraries = pg_stat_statements
CREATE EXTENSION pg_stat_statements;
CREATE EXTENSION pgcrypto;
COPY (SELECT pgp_sym_encrypt('a name', 'made-up-81b')) TO '/dev/null';
SELECT pgp_sym_encrypt('a name', 'made-up-81b');

-- silent: keys that come from outside, public keys, other people's functions, digests
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE TABLE lab.keys (name text, k text);
CREATE TABLE lab.t (v bytea, w text);
CREATE FUNCTION lab.by_argument(clair text, k text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT pgp_sym_encrypt(clair, k) $body$;
CREATE FUNCTION lab.by_setting(clair text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT pgp_sym_encrypt(clair, current_setting('app.key')) $body$;
CREATE FUNCTION lab.by_table(clair text) RETURNS bytea LANGUAGE plpgsql AS $body$
DECLARE k text := '';
BEGIN
    SELECT keys.k INTO k FROM lab.keys WHERE name = 'made-up';
    RETURN pgp_sym_encrypt(clair, k, 'compress-algo=1, cipher-algo=aes256');
END
$body$;
CREATE FUNCTION lab.for_public_key(clair text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT pgp_pub_encrypt(clair, dearmor('-----BEGIN PGP PUBLIC KEY BLOCK-----')) $body$;
CREATE FUNCTION lab.encrypt(clair text, how text) RETURNS text LANGUAGE sql AS $body$ SELECT clair || how $body$;
CREATE FUNCTION lab.others(clair text) RETURNS text LANGUAGE sql AS $body$ SELECT lab.encrypt(clair, 'aes') $body$;
CREATE FUNCTION lab.fingerprint(clair text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT digest(clair, 'sha256') /* pgp_sym_encrypt(clair, 'x') */ $body$;
CREATE VIEW lab.v AS SELECT pgp_sym_decrypt(v, current_setting('app.key')) AS v FROM lab.t;
CREATE POLICY p ON lab.t USING (w = 'made-up');

-- unknown: a function that cannot be parsed
SET LOCAL check_function_bodies = off;
CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $body$ BEGIN not ( sql pgp_sym_encrypt; END $body$;

-- unknown: a function in a language that is not read
SET LOCAL check_function_bodies = off;
CREATE LANGUAGE plhomemade HANDLER plpgsql_call_handler;
CREATE FUNCTION public.f() RETURNS text LANGUAGE plhomemade AS $body$ return 'x'; $body$;

-- fires: lab.seal
-- evidence: its default holds a literal as the key of hmac()
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE DOMAIN lab.seal AS bytea DEFAULT hmac('x', 'made-up-81b', 'sha256');

-- fires: public.by_format(text)
-- evidence: its body holds a literal as the key of pgp_sym_encrypt()
-- fires: public.by_variable(text)
-- evidence: variable k holds the key of pgp_sym_encrypt() as a literal
-- fires: public.by_place(text)
-- evidence: its body holds a literal as the key of pgp_sym_encrypt()
-- fires: public.by_quoting(text)
-- evidence: its body holds a literal as the key of pgp_sym_encrypt()
-- fires: public.bound(text)
-- evidence: its body holds a literal as the key of pgp_sym_encrypt()
-- fires: public.written(text)
-- evidence: its body holds a literal as the key of pgp_sym_encrypt()
-- fires: public.kept(text)
-- evidence: its body holds a literal as the key of pgp_sym_encrypt()
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.by_format(v text) RETURNS bytea LANGUAGE plpgsql AS $f$
DECLARE r bytea;
BEGIN
    EXECUTE format('SELECT public.pgp_sym_encrypt(%L, %L)', v, 'made-up-81b') INTO r;
    RETURN r;
END $f$;
CREATE FUNCTION public.by_variable(v text) RETURNS bytea LANGUAGE plpgsql AS $f$
DECLARE r bytea; k text := 'made-up-81b';
BEGIN
    EXECUTE format('SELECT pgp_sym_encrypt(%L, %L)', v, k) INTO r;
    RETURN r;
END $f$;
CREATE FUNCTION public.by_place(v text) RETURNS bytea LANGUAGE plpgsql AS $f$
DECLARE r bytea;
BEGIN
    EXECUTE format('SELECT %1$I.pgp_sym_encrypt(%3$L, %2$L)', 'public', 'made-up-81b', v) INTO r;
    RETURN r;
END $f$;
CREATE FUNCTION public.by_quoting(v text) RETURNS bytea LANGUAGE plpgsql AS $f$
DECLARE r bytea;
BEGIN
    EXECUTE 'SELECT pgp_sym_encrypt(' || quote_literal(v) || ', ' || quote_literal('made-up-81b') || ')' INTO r;
    RETURN r;
END $f$;
CREATE FUNCTION public.bound(v text) RETURNS bytea LANGUAGE plpgsql AS $f$
DECLARE r bytea;
BEGIN
    EXECUTE 'SELECT pgp_sym_encrypt($1, $2)' INTO r USING v, 'made-up-81b';
    RETURN r;
END $f$;
CREATE FUNCTION public.written(v text) RETURNS SETOF bytea LANGUAGE plpgsql AS $f$
BEGIN
    RETURN QUERY EXECUTE 'SELECT pgp_sym_encrypt($1, ''made-up-81b'')' USING v;
END $f$;
CREATE FUNCTION public.kept(v text) RETURNS bytea LANGUAGE plpgsql AS $f$
DECLARE r bytea; q text;
BEGIN
    q := 'SELECT pgp_sym_encrypt($1, ''made-up-81b'')';
    EXECUTE q INTO r USING v;
    RETURN r;
END $f$;

-- silent: keys that come into dynamic SQL from outside
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.f(v text, k text DEFAULT NULL) RETURNS bytea LANGUAGE plpgsql AS $f$
DECLARE r bytea;
BEGIN
    EXECUTE format('SELECT pgp_sym_encrypt(%L, %L)', v, k) INTO r;
    EXECUTE format('SELECT pgp_sym_encrypt(%L, %L)', 'made-up text', current_setting('app.key')) INTO r;
    EXECUTE format('SELECT pgp_sym_encrypt(%2$L, %1$L)', k, 'made-up text') INTO r;
    EXECUTE 'SELECT pgp_sym_encrypt($1, $2)' INTO r USING 'made-up text', k;
    RETURN r;
END $f$;
