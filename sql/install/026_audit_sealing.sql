-- Audit: values of the class "seal", encrypted so that only the auditor's secret key, which is never on the server,
-- opens them. Run after 021_audit_code.sql. Nothing is sealed before `pgguard audit auditor-key` gave the key.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- Each statement has a key of its own, 64 random bytes: the first 32 for HMAC-SHA-512 cut to 32 bytes, the others for
-- AES-256-CBC. It is kept in sealed_key alone, encrypted to the auditor's OpenPGP key (RFC 4880). What is stored of
-- a row is, byte by byte: version (1: 01) | number of the key (8) | IV (16) | ciphertext | tag (32), the tag over all
-- that is before it. The clear text is a JSON array of the columns' values before and after, in the encoding of the
-- database. One byte 00: there was something to seal, and no key of an auditor.
--
-- Destroying a key in sealed_key makes what it sealed unreadable for ever, and leaves every entry as it was.

-- what these files do themselves is told by one entry, not by one for each of their statements
DO $quiet$
BEGIN
    -- operators and functions of PostgreSQL only, whatever schemas whoever runs this has on his path
    PERFORM pg_catalog.set_config('pgguard.path_before', pg_catalog.current_setting('search_path'), false),
        pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) '');
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
END
$quiet$;

CREATE TABLE IF NOT EXISTS pgguard_audit.auditor_key (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint text NOT NULL UNIQUE,
    material bytea NOT NULL,
    current boolean NOT NULL,
    made_at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE UNIQUE INDEX IF NOT EXISTS auditor_key_current ON pgguard_audit.auditor_key ((true)) WHERE current;
COMMENT ON TABLE pgguard_audit.auditor_key IS 'OpenPGP public keys of auditors; values are sealed to the current one';

CREATE SEQUENCE IF NOT EXISTS pgguard_audit.sealed_key_id CACHE 32;
CREATE TABLE IF NOT EXISTS pgguard_audit.sealed_key (
    id bigint PRIMARY KEY,
    auditor integer NOT NULL,
    made_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now(),
    wrapped bytea,
    destroyed_at timestamp with time zone,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
-- ANALYZE would copy wrapped keys to pg_statistic, where they outlive their destruction
ALTER TABLE pgguard_audit.sealed_key ALTER COLUMN wrapped SET STATISTICS 0, ALTER COLUMN wrapped SET STORAGE EXTERNAL;
COMMENT ON TABLE pgguard_audit.sealed_key IS
    'the key of each statement that sealed something, encrypted to the auditor; wrapped is NULL when it was destroyed';

CREATE OR REPLACE FUNCTION pgguard_audit.keep_keys() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND pg_catalog.current_setting('pgguard.changing_keys', true) = pgguard_audit.own_word('keys')
    THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'pgguard: keys of sealed values are changed by pgguard_audit.set_auditor_key() and destroy_sealed_keys() only'
        USING ERRCODE = 'PGA01';
END
$$;
DO $guards$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['pgguard_audit.auditor_key', 'pgguard_audit.sealed_key'] LOOP
        IF NOT EXISTS (
            SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = one::regclass AND tgname = 'pgguard_keep_keys')
        THEN
            EXECUTE pg_catalog.format('CREATE TRIGGER pgguard_keep_keys BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                FOR EACH STATEMENT EXECUTE FUNCTION pgguard_audit.keep_keys()', one);
        END IF;
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pgguard_keep_keys', one);
    END LOOP;
END
$guards$;

-- What is needed of pgcrypto, wherever it is: SQL functions that the planner replaces by their bodies. Parsed now,
-- they mean these functions for ever, and not others that somebody puts into their place.
CREATE OR REPLACE FUNCTION pgguard_audit.bind_pgcrypto() RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place name;
BEGIN
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pgcrypto') THEN
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pgcrypto') THEN
            RAISE EXCEPTION 'pgguard: sealing needs pgcrypto, which is not on this server: install the contrib modules of PostgreSQL'
                USING ERRCODE = 'PGA05';
        END IF;
        IF pg_catalog.to_regnamespace('pgguard_crypto') IS NULL THEN
            CREATE SCHEMA pgguard_crypto;
            REVOKE ALL ON SCHEMA pgguard_crypto FROM PUBLIC;
            COMMENT ON SCHEMA pgguard_crypto IS 'pgguard: pgcrypto, for functions of pgguard alone';
        END IF;
        CREATE EXTENSION pgcrypto SCHEMA pgguard_crypto;
        REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA pgguard_crypto FROM PUBLIC;
    END IF;
    SELECT n.nspname INTO STRICT place
    FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'pgcrypto';
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO pgguard_audit_owner', place);
    EXECUTE pg_catalog.format(
        'GRANT EXECUTE ON FUNCTION %1$I.gen_random_bytes(integer), %1$I.hmac(bytea, bytea, text),
             %1$I.encrypt_iv(bytea, bytea, bytea, text), %1$I.pgp_pub_encrypt_bytea(bytea, bytea, text)
         TO pgguard_audit_owner',
        place);
    EXECUTE pg_catalog.format(
        'CREATE OR REPLACE FUNCTION pgguard_audit.random_bytes(count integer) RETURNS bytea
         LANGUAGE sql VOLATILE RETURN %1$I.gen_random_bytes($1);
         CREATE OR REPLACE FUNCTION pgguard_audit.hmac_sha512(data bytea, key bytea) RETURNS bytea
         LANGUAGE sql IMMUTABLE RETURN %1$I.hmac($1, $2, ''sha512'');
         CREATE OR REPLACE FUNCTION pgguard_audit.aes_encrypt(plain bytea, key bytea, iv bytea) RETURNS bytea
         LANGUAGE sql IMMUTABLE RETURN %1$I.encrypt_iv($1, $2, $3, ''aes-cbc/pad:pkcs'');
         CREATE OR REPLACE FUNCTION pgguard_audit.wrap_key(key bytea, material bytea) RETURNS bytea
         LANGUAGE sql VOLATILE RETURN %1$I.pgp_pub_encrypt_bytea($1, $2, ''cipher-algo=aes256, compress-algo=0'')',
        place);
    IF pgguard_audit.aes_encrypt('known answer'::bytea,
            (
            -- the bytes 0 to 31
            SELECT pg_catalog.decode(pg_catalog.string_agg(pg_catalog.lpad(pg_catalog.to_hex(b.b), 2, '0'), '' ORDER BY b.b), 'hex')
            FROM pg_catalog.generate_series(0, 31) AS b (b)),
            '\x1af38c2dc2b96ffdd86694092341bc04'::bytea) <> '\xdaa989b8b3883991071a963178a68239'::bytea
    THEN
        RAISE EXCEPTION 'pgguard: AES of this pgcrypto does not give the known answer' USING ERRCODE = 'PGA05';
    END IF;
    PERFORM pgguard_audit.settle();
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
END
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.can_seal() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN pg_catalog.to_regprocedure('pgguard_audit.wrap_key(bytea, bytea)') IS NOT NULL
        AND EXISTS (SELECT FROM pgguard_audit.auditor_key AS k WHERE k.current);
END
$$;

-- material: the main key and one subkey of RSA or ElGamal, binary, as `pgguard audit auditor-key` takes it from a file
CREATE OR REPLACE FUNCTION pgguard_audit.set_auditor_key(fingerprint text, material bytea) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    number integer;
    trial bytea := pgguard_audit.wrap_key('pgguard trial of the auditor key'::bytea, set_auditor_key.material);
BEGIN
    IF position('pgguard trial'::bytea IN trial) > 0 THEN
        RAISE EXCEPTION 'pgguard: this pgcrypto does not encrypt' USING ERRCODE = 'PGA05';
    END IF;
    PERFORM pg_catalog.set_config('pgguard.changing_keys', pgguard_audit.own_word('keys'), true);
    UPDATE pgguard_audit.auditor_key AS k SET current = false WHERE k.current;
    INSERT INTO pgguard_audit.auditor_key AS k (fingerprint, material, current)
    VALUES (set_auditor_key.fingerprint, set_auditor_key.material, true)
    ON CONFLICT ON CONSTRAINT auditor_key_fingerprint_key DO UPDATE SET current = true, material = excluded.material
    RETURNING k.id INTO number;
    PERFORM pg_catalog.set_config('pgguard.changing_keys', '', true);
    PERFORM pgguard_audit.note('AUDITOR KEY', set_auditor_key.fingerprint);
    RETURN number;
END
$$;
COMMENT ON FUNCTION pgguard_audit.set_auditor_key(text, bytea) IS
    'values are sealed to this key from now on; what was sealed before is opened by the key before';

-- No query here has a key among its values: the planner makes constants of them, and auto_explain prints these.
-- Expressions of plpgsql are evaluated without a plan that could be printed.
CREATE OR REPLACE FUNCTION pgguard_audit.sealing_key() RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holder integer;
    material bytea;
    number bigint;
    made bytea;
    closed bytea;
BEGIN
    SELECT k.id, k.material INTO holder, material FROM pgguard_audit.auditor_key AS k WHERE k.current;
    IF NOT FOUND THEN
        -- the work goes on, and what is missing is said here and in every entry
        RAISE WARNING 'pgguard: there is no key of an auditor: values of sealed columns are not recorded';
        RETURN NULL;
    END IF;
    number := pg_catalog.nextval('pgguard_audit.sealed_key_id');
    made := pgguard_audit.random_bytes(64);
    closed := pgguard_audit.wrap_key(made, material);
    INSERT INTO pgguard_audit.sealed_key (id, auditor, wrapped) VALUES (number, holder, closed);
    RETURN pg_catalog.int8send(number) || made;
END
$$;
COMMENT ON FUNCTION pgguard_audit.sealing_key() IS
    'a new key for the values that one statement seals, its number before it; encrypted to the auditor it is in sealed_key';

CREATE OR REPLACE FUNCTION pgguard_audit.sealed(vals text[], key bytea) RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    iv bytea;
    body bytea;
BEGIN
    IF pg_catalog.cardinality(pg_catalog.array_remove(vals, NULL)) = 0 THEN
        RETURN NULL;
    END IF;
    IF key IS NULL THEN
        RETURN '\x00'::bytea;
    END IF;
    IF pg_catalog.pg_column_size(vals) > 1000000 THEN
        -- an entry has to stay far below 1 GB whatever is written
        FOR place IN 1 .. pg_catalog.cardinality(vals) LOOP
            vals[place] := pgguard_audit.bounded(vals[place]);
        END LOOP;
    END IF;
    iv := pgguard_audit.random_bytes(16);
    body := '\x01'::bytea || pg_catalog.substr(key, 1, 8) || iv || pgguard_audit.aes_encrypt(
        pg_catalog.convert_to(pg_catalog.array_to_json(vals)::text, pg_catalog.getdatabaseencoding()),
        pg_catalog.substr(key, 41, 32), iv);
    RETURN body || pg_catalog.substr(pgguard_audit.hmac_sha512(body, pg_catalog.substr(key, 9, 32)), 1, 32);
END
$$;
COMMENT ON FUNCTION pgguard_audit.sealed(text[], bytea) IS
    'values of a row, each before and after, encrypted and authenticated with the key of the statement; NULL when there are none';

CREATE OR REPLACE FUNCTION pgguard_audit.sealed_with(sealed bytea) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN pg_catalog.octet_length(sealed) > 9
        THEN ('x' || pg_catalog.encode(pg_catalog.substr(sealed, 2, 8), 'hex'))::bit(64)::bigint END
$$;
COMMENT ON FUNCTION pgguard_audit.sealed_with(bytea) IS 'the number in sealed_key of the key that sealed this';

-- Crypto-shredding: these keys, or those made before a time.
CREATE OR REPLACE FUNCTION pgguard_audit.destroy_sealed_keys(ids bigint[], before timestamp with time zone DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    done bigint;
BEGIN
    PERFORM pg_catalog.set_config('pgguard.changing_keys', pgguard_audit.own_word('keys'), true);
    UPDATE pgguard_audit.sealed_key AS k SET wrapped = NULL, destroyed_at = pg_catalog.clock_timestamp()
    WHERE k.destroyed_at IS NULL AND (k.id = ANY (ids) OR k.made_at < before);
    GET DIAGNOSTICS done = ROW_COUNT;
    PERFORM pg_catalog.set_config('pgguard.changing_keys', '', true);
    PERFORM pgguard_audit.note('AUDIT SEALED KEYS DESTROYED', CASE WHEN before IS NULL THEN done || ' keys'
        ELSE done || ' keys made before '
            || pg_catalog.to_char(pg_catalog.timezone('UTC', before), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END);
    RETURN done;
END
$$;
COMMENT ON FUNCTION pgguard_audit.destroy_sealed_keys(bigint[], timestamp with time zone) IS
    'makes what these keys sealed unreadable for ever, the auditor included; entries and their evidence stay';

DO $high$
BEGIN
    COMMENT ON FUNCTION pgguard_audit.bind_pgcrypto() IS 'pgguard, as superuser: makes pgcrypto usable for the audit';
    PERFORM pgguard_audit.keep_high('pgguard_audit.bind_pgcrypto()');
END
$high$;
SELECT pgguard_audit.settle();
GRANT EXECUTE ON FUNCTION pgguard_audit.can_seal(), pgguard_audit.sealed_with(bytea)
    TO pgguard_audit_reader, pgguard_audit_keeper;
DO $bound$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pgcrypto') THEN
        PERFORM pgguard_audit.bind_pgcrypto();
        PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
    END IF;
END
$bound$;

DO $told$
BEGIN
    PERFORM pgguard_audit.note('AUDIT INSTALLED', '026_audit_sealing');
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgguard.path_before'),
        pg_catalog.current_setting('pgguard.path_before') = '');
END
$told$;
