-- Encryption of columns: keys, the sessions that hold them, and the scheme "pgg1".
-- Run it in each database whose columns are encrypted, or leave it to `pgguard keys init`. Running it twice is
-- harmless. It needs pgcrypto (CREATE EXTENSION is part of it) and the right to create roles.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- The scheme is AEAD_AES_256_CBC_HMAC_SHA_512 of RFC 7518, section 5.2.5, put together from pgcrypto's
-- encrypt_iv and hmac, which has no such mode of its own. A stored value is, byte by byte:
--     version (1: 01, or 02 with padding) | key id (4) | IV (16) | ciphertext | tag (32)
-- Authenticated with it, but not stored again: version, key id, the column's uuid, and the row's key with the
-- length of each of its parts, so that a value opens only in its own row and column.
--
-- Who may do what: the role pgguard_keys, which cannot log in, owns the tables and everything that touches a key.
-- Nothing here is executable by PUBLIC but unlock() and lock().

DO $roles$
DECLARE
    one text;
BEGIN
    IF pg_catalog.to_regnamespace('pgguard') IS NULL THEN
        CREATE SCHEMA pgguard;
        REVOKE ALL ON SCHEMA pgguard FROM PUBLIC;
        COMMENT ON SCHEMA pgguard IS 'pgguard: what it keeps in this database';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgguard_keys') THEN
        CREATE ROLE pgguard_keys NOLOGIN;
        COMMENT ON ROLE pgguard_keys IS 'pgguard: owns wrapped keys and the functions that use them; nobody logs in as it';
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgguard_keys' AND rolcanlogin) THEN
        RAISE EXCEPTION 'pgguard: the role pgguard_keys can log in: find out who made it so, then ALTER ROLE pgguard_keys NOLOGIN';
    END IF;
    -- who owns the schema, or something in it, could put functions of his own in the place of these
    SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(r.rolname), ', ') INTO one
    FROM (
        SELECT nspowner AS owner FROM pg_catalog.pg_namespace WHERE nspname = 'pgguard'
        UNION SELECT relowner FROM pg_catalog.pg_class WHERE relnamespace = 'pgguard'::regnamespace
        UNION SELECT proowner FROM pg_catalog.pg_proc WHERE pronamespace = 'pgguard'::regnamespace
            -- that which reads the host key file
            AND NOT (proname = 'host_key' AND prosecdef)
    ) AS o JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner
    WHERE NOT r.rolsuper AND r.rolname NOT IN ('pgguard_keys', 'pgguard_audit_owner', current_user);
    IF one <> '' THEN
        RAISE EXCEPTION 'pgguard: the schema pgguard, or something in it, belongs to %: look at what it is; only its owner can put keys here', one;
    END IF;
    -- nor may anybody else make something in it, whatever default privileges gave
    FOR one IN
        SELECT DISTINCT pg_catalog.quote_ident(r.rolname)
        FROM pg_catalog.pg_namespace AS n, pg_catalog.aclexplode(n.nspacl) AS e
        JOIN pg_catalog.pg_roles AS r ON r.oid = e.grantee
        WHERE n.nspname = 'pgguard' AND e.grantee <> n.nspowner AND e.privilege_type = 'CREATE'
    LOOP
        EXECUTE pg_catalog.format('REVOKE CREATE ON SCHEMA pgguard FROM %s', one);
    END LOOP;
    REVOKE CREATE ON SCHEMA pgguard FROM PUBLIC;
    -- from 16 on who made a role may grant it, and no more
    IF NOT pg_catalog.pg_has_role('pgguard_keys', 'USAGE') THEN
        GRANT pgguard_keys TO CURRENT_USER;
    END IF;
    GRANT USAGE, CREATE ON SCHEMA pgguard TO pgguard_keys;
END
$roles$;

-- pgcrypto: in a schema of its own, and for nobody but pgguard_keys. Where a program uses it already it stays
-- where it is, and those who may call it go on.
DO $pgcrypto$
DECLARE
    place name;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pgcrypto') THEN
        IF pg_catalog.to_regnamespace('pgguard_crypto') IS NULL THEN
            CREATE SCHEMA pgguard_crypto;
            REVOKE ALL ON SCHEMA pgguard_crypto FROM PUBLIC;
            COMMENT ON SCHEMA pgguard_crypto IS 'pgguard: pgcrypto, for pgguard_keys alone';
        END IF;
        CREATE EXTENSION pgcrypto SCHEMA pgguard_crypto;
        REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA pgguard_crypto FROM PUBLIC;
    END IF;
    SELECT n.nspname INTO STRICT place
    FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'pgcrypto';
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO pgguard_keys', place);
    EXECUTE pg_catalog.format(
        'GRANT EXECUTE ON FUNCTION %1$I.gen_random_bytes(integer), %1$I.hmac(bytea, bytea, text),
             %1$I.encrypt_iv(bytea, bytea, bytea, text), %1$I.decrypt_iv(bytea, bytea, bytea, text) TO pgguard_keys',
        place
    );
    -- SQL functions that the planner replaces by their bodies: they cost nothing, and only they name the schema.
    -- Parsed now, they mean these functions for ever, and not others that somebody puts into their place.
    EXECUTE pg_catalog.format(
        'CREATE OR REPLACE FUNCTION pgguard.random_bytes(count integer) RETURNS bytea
         LANGUAGE sql VOLATILE PARALLEL SAFE RETURN %1$I.gen_random_bytes($1);
         CREATE OR REPLACE FUNCTION pgguard.hmac_sha512(data bytea, key bytea) RETURNS bytea
         LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %1$I.hmac($1, $2, ''sha512'');
         CREATE OR REPLACE FUNCTION pgguard.aes_encrypt(plain bytea, key bytea, iv bytea) RETURNS bytea
         LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %1$I.encrypt_iv($1, $2, $3, ''aes-cbc/pad:pkcs'');
         CREATE OR REPLACE FUNCTION pgguard.aes_decrypt(secret bytea, key bytea, iv bytea) RETURNS bytea
         LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %1$I.decrypt_iv($1, $2, $3, ''aes-cbc/pad:pkcs'')',
        place
    );
END
$pgcrypto$;

CREATE TABLE IF NOT EXISTS pgguard.installation (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    id uuid NOT NULL,
    secret bytea NOT NULL CHECK (pg_catalog.octet_length(secret) = 32),
    host_key_file text,
    created_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE pgguard.installation IS
    'one row; secret seals the keys that sessions hold, and opens nothing that is stored';
COMMENT ON COLUMN pgguard.installation.host_key_file IS
    'file on this server with the key-encryption key, for programs that do not unlock; NULL: they must';

CREATE TABLE IF NOT EXISTS pgguard.kek (
    epoch integer PRIMARY KEY,
    state text NOT NULL DEFAULT 'current' CHECK (state IN ('current', 'retired')),
    check_value bytea NOT NULL,
    escrow_at timestamp with time zone,
    drill_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL DEFAULT session_user
);
CREATE UNIQUE INDEX IF NOT EXISTS kek_current ON pgguard.kek ((true)) WHERE state = 'current';
COMMENT ON TABLE pgguard.kek IS
    'generations of the key-encryption key, which is never stored here; check_value recognises the right one';

CREATE TABLE IF NOT EXISTS pgguard.key (
    id integer PRIMARY KEY,
    key_group text NOT NULL CHECK (key_group ~ '^[a-z][a-z0-9_]{0,30}$'),
    purpose text NOT NULL CHECK (purpose IN ('data', 'index')),
    state text NOT NULL DEFAULT 'current' CHECK (state IN ('next', 'current', 'retired', 'destroyed')),
    epoch integer REFERENCES pgguard.kek,
    wrapped bytea,
    created_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now(),
    destroyed_at timestamp with time zone,
    CHECK ((state = 'destroyed') = (wrapped IS NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS key_current ON pgguard.key (key_group, purpose) WHERE state = 'current';
CREATE UNIQUE INDEX IF NOT EXISTS key_next ON pgguard.key (key_group, purpose) WHERE state = 'next';
-- ANALYZE would copy wrapped keys to pg_statistic, where they outlive their destruction
ALTER TABLE pgguard.key ALTER COLUMN wrapped SET STATISTICS 0;
COMMENT ON TABLE pgguard.key IS 'data keys and index keys, wrapped under the key-encryption key of their epoch';
COMMENT ON COLUMN pgguard.key.state IS
    'next: opens, and seals nothing yet; current: seals; retired: opens what it sealed; destroyed: gone';

CREATE TABLE IF NOT EXISTS pgguard.encrypted_column (
    id uuid PRIMARY KEY,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    storage_name text NOT NULL,
    stored_column text NOT NULL,
    index_column text,
    key_group text NOT NULL,
    UNIQUE (table_schema, table_name, column_name)
);
COMMENT ON TABLE pgguard.encrypted_column IS
    'the columns that are encrypted, by the names they had in clear; id is authenticated with every value';
-- while an index key is replaced there is a second index column
ALTER TABLE pgguard.encrypted_column
    ADD COLUMN IF NOT EXISTS index_key integer, ADD COLUMN IF NOT EXISTS second_column text,
    ADD COLUMN IF NOT EXISTS second_key integer;
COMMENT ON COLUMN pgguard.encrypted_column.index_key IS
    'the key that the index column is made with; NULL: the one of its group that is current';
COMMENT ON COLUMN pgguard.encrypted_column.second_column IS
    'the index column that is made with second_key beside the first, while an index key is replaced';
CREATE OR REPLACE VIEW pgguard.encrypted_storage AS
    SELECT c.id, coalesce(
            pg_catalog.to_regclass(pg_catalog.format('%I.%I', c.table_schema, c.storage_name)),
            pg_catalog.to_regclass(pg_catalog.format('%I.%I', c.table_schema, c.table_name))) AS relation,
        c.stored_column, c.index_column, c.column_name, c.key_group
    FROM pgguard.encrypted_column AS c;
COMMENT ON VIEW pgguard.encrypted_storage IS 'where the encrypted columns are stored now: before the switch or after it';

CREATE TABLE IF NOT EXISTS pgguard.backfill (
    relation text NOT NULL,
    part text NOT NULL,
    first_block bigint NOT NULL,
    end_block bigint NOT NULL,
    next_block bigint NOT NULL,
    rows bigint NOT NULL DEFAULT 0,
    at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (relation, part, first_block)
);
COMMENT ON TABLE pgguard.backfill IS
    'how far the rows that were there before are encrypted: ranges of blocks, each with the next one to do';

CREATE OR REPLACE FUNCTION pgguard.wrap_key(kek bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$ SELECT pgguard.hmac_sha512('pgguard wrap'::bytea, kek) $$;
COMMENT ON FUNCTION pgguard.wrap_key(bytea) IS 'what data keys are wrapped with, derived from the key-encryption key';

-- From here on no query has a key among its values: the planner makes constants of them, and auto_explain prints
-- these. Expressions of plpgsql are planned without values.
CREATE OR REPLACE FUNCTION pgguard.check_value(kek bytea) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
DECLARE
    here bytea;
BEGIN
    SELECT pg_catalog.uuid_send(i.id) INTO STRICT here FROM pgguard.installation AS i;
    RETURN pg_catalog.substr(pgguard.hmac_sha512('pgguard check'::bytea || here, kek), 1, 16);
END
$$;
COMMENT ON FUNCTION pgguard.check_value(bytea) IS 'recognises a key-encryption key of this installation';

CREATE OR REPLACE FUNCTION pgguard.wrap_context(id integer, key_group text, purpose text, epoch integer) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.uuid_send(i.id) || pg_catalog.int4send(wrap_context.id) || pg_catalog.int4send(epoch)
        || pg_catalog.convert_to(key_group || '/' || purpose, 'UTF8')
    FROM pgguard.installation AS i
$$;
COMMENT ON FUNCTION pgguard.wrap_context(integer, text, text, integer) IS
    'authenticated with a wrapped key: a row of pgguard.key that was changed or comes from elsewhere does not open';

-- version 02: four bytes of length, the value, zeros up to a multiple of `step`, so that lengths tell less
CREATE OR REPLACE FUNCTION pgguard.padded(plain bytea, step integer) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN pg_catalog.int4send(pg_catalog.octet_length(plain)) || plain || pg_catalog.decode(pg_catalog.repeat('00',
        (step - 1) - (pg_catalog.octet_length(plain) + 4 + step - 1) % step), 'hex');
END
$$;
CREATE OR REPLACE FUNCTION pgguard.unpadded(plain bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN pg_catalog.substr(plain, 5, (pg_catalog.get_byte(plain, 0) << 24) | (pg_catalog.get_byte(plain, 1) << 16)
        | (pg_catalog.get_byte(plain, 2) << 8) | pg_catalog.get_byte(plain, 3));
END
$$;

-- keys: one or more of id (4) | MAC key (32) | encryption key (32), the one to seal with first
CREATE OR REPLACE FUNCTION pgguard.pgg1_seal(
    plain bytea, keys bytea, context bytea, version bytea DEFAULT '\x01'
) RETURNS bytea
LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$
DECLARE
    iv bytea := pgguard.random_bytes(16);
    head bytea := version || pg_catalog.substr(keys, 1, 4);
    body bytea;
BEGIN
    -- a value of PostgreSQL ends at 1 GB, and with what is added to this one it has to stay below
    IF pg_catalog.octet_length(plain) > 1073741600 - pg_catalog.octet_length(context) THEN
        RAISE EXCEPTION 'pgguard: a value of % bytes is too long to be encrypted: % are the most',
            pg_catalog.octet_length(plain), 1073741600 - pg_catalog.octet_length(context)
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    body := iv || pgguard.aes_encrypt(plain, pg_catalog.substr(keys, 37, 32), iv);
    RETURN head || body || pg_catalog.substr(
        pgguard.hmac_sha512(
            head || context || body || pg_catalog.int8send(8 * (5 + pg_catalog.octet_length(context))::bigint),
            pg_catalog.substr(keys, 5, 32)
        ), 1, 32);
END
$$;
COMMENT ON FUNCTION pgguard.pgg1_seal(bytea, bytea, bytea, bytea) IS
    'encrypts bytes (RFC 7518, 5.2.5); version 02 is for what padded() made';

CREATE OR REPLACE FUNCTION pgguard.pgg1_open(stored bytea, keys bytea, context bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    size integer := pg_catalog.octet_length(stored);
    head bytea := pg_catalog.substr(stored, 1, 5);
    place integer := 1;
BEGIN
    IF size < 69 OR pg_catalog.get_byte(stored, 0) NOT IN (1, 2) THEN
        RAISE EXCEPTION 'pgguard: this is no encrypted value, or one that was cut' USING ERRCODE = 'PGG02';
    END IF;
    WHILE pg_catalog.substr(keys, place, 4) <> pg_catalog.substr(stored, 2, 4) LOOP
        place := place + 68;
        IF place > pg_catalog.octet_length(keys) THEN
            RAISE EXCEPTION 'pgguard: the key % that this value was encrypted with is not here: it was destroyed, or the table of keys is that of another database',
                pg_catalog.encode(pg_catalog.substr(stored, 2, 4), 'hex') USING ERRCODE = 'PGG03';
        END IF;
    END LOOP;
    IF pg_catalog.substr(
        pgguard.hmac_sha512(
            head || context || pg_catalog.substr(stored, 6, size - 37)
                || pg_catalog.int8send(8 * (5 + pg_catalog.octet_length(context))::bigint),
            pg_catalog.substr(keys, place + 4, 32)
        ), 1, 32) <> pg_catalog.substr(stored, size - 31)
    THEN
        RAISE EXCEPTION 'pgguard: a stored value was changed, or belongs to another row or column' USING ERRCODE = 'PGG02';
    END IF;
    IF pg_catalog.get_byte(stored, 0) = 2 THEN
        RETURN pgguard.unpadded(pgguard.aes_decrypt(
            pg_catalog.substr(stored, 22, size - 53), pg_catalog.substr(keys, place + 36, 32),
            pg_catalog.substr(stored, 6, 16)));
    END IF;
    RETURN pgguard.aes_decrypt(
        pg_catalog.substr(stored, 22, size - 53), pg_catalog.substr(keys, place + 36, 32),
        pg_catalog.substr(stored, 6, 16));
END
$$;
COMMENT ON FUNCTION pgguard.pgg1_open(bytea, bytea, bytea) IS
    'decrypts bytes; PGG02: changed or misplaced, PGG03: no such key (RFC 7518, 5.2.5)';

-- the last part of a stored value's context: parts of the row's key, each with its length
CREATE OR REPLACE FUNCTION pgguard.part(value bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT pg_catalog.int4send(pg_catalog.octet_length($1)) || $1 $$;

-- What runs as pgguard_keys takes no value of a type that somebody could have given a cast or a check.
CREATE OR REPLACE FUNCTION pgguard.base_type(kind regtype) RETURNS regtype
LANGUAGE plpgsql STABLE AS $$
DECLARE
    below regtype := kind;
BEGIN
    WHILE below <> 0 LOOP
        kind := below;
        SELECT t.typbasetype INTO STRICT below FROM pg_catalog.pg_type AS t WHERE t.oid = kind;
    END LOOP;
    RETURN kind;
END
$$;
COMMENT ON FUNCTION pgguard.base_type(regtype) IS 'the type below all domains';

-- What a session holds of its keys is sealed: bound to who logged in, to this connection and to this start of
-- the server. Found in a log or in another session it opens nothing.
CREATE OR REPLACE FUNCTION pgguard.seal_of_session(secret bytea) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.sha256(secret || pg_catalog.int4send(pg_catalog.pg_backend_pid())
        || pg_catalog.timestamptz_send(pg_catalog.pg_postmaster_start_time())
        || pg_catalog.convert_to(session_user::text, 'UTF8'))
$$;

CREATE OR REPLACE FUNCTION pgguard.hold(setting text, keys bytea) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    iv bytea := pgguard.random_bytes(16);
    secret bytea;
BEGIN
    SELECT i.secret INTO STRICT secret FROM pgguard.installation AS i;
    RETURN pg_catalog.set_config(setting, pg_catalog.encode(
        iv || pgguard.aes_encrypt(pg_catalog.sha256(keys) || keys, pgguard.seal_of_session(secret), iv), 'hex'), false);
END
$$;
COMMENT ON FUNCTION pgguard.hold(text, bytea) IS 'puts keys into a setting of the session, sealed; returns them as sealed';

CREATE OR REPLACE FUNCTION pgguard.session_keys(setting text) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
DECLARE
    held text := pg_catalog.current_setting(setting, true);
    token bytea;
    secret bytea;
    opened bytea;
    keys bytea := ''::bytea;
    one record;
BEGIN
    IF coalesce(held, '') = '' THEN
        IF EXISTS (SELECT FROM pgguard.installation WHERE host_key_file IS NOT NULL) THEN
            PERFORM pgguard.open_keys(pgguard.host_key());
            held := pg_catalog.current_setting(setting, true);
        END IF;
    END IF;
    IF coalesce(held, '') IN ('', 'locked') THEN
        RAISE EXCEPTION 'pgguard: this session has no key: call pgguard.unlock($1) after connecting'
            USING ERRCODE = 'PGG01';
    END IF;
    BEGIN
        SELECT i.secret INTO STRICT secret FROM pgguard.installation AS i;
        token := pg_catalog.decode(held, 'hex');
        opened := pgguard.aes_decrypt(
            pg_catalog.substr(token, 17), pgguard.seal_of_session(secret), pg_catalog.substr(token, 1, 16));
    EXCEPTION WHEN OTHERS THEN
        opened := NULL;
    END;
    IF opened IS NULL OR pg_catalog.substr(opened, 1, 32) <> pg_catalog.sha256(pg_catalog.substr(opened, 33)) THEN
        RAISE EXCEPTION 'pgguard: the keys in this session belong to another one: call pgguard.unlock($1) again'
            USING ERRCODE = 'PGG01';
    END IF;
    -- what became of the keys since the session got them: which one seals, and which ones are destroyed
    FOR one IN SELECT pg_catalog.int4send(k.id) AS id FROM pgguard.key AS k
        WHERE 'pgguard.' || k.purpose || '_' || k.key_group = setting AND k.state <> 'destroyed'
        ORDER BY k.state, k.created_at DESC, k.id
    LOOP
        FOR piece IN 0 .. (pg_catalog.octet_length(opened) - 32) / 68 - 1 LOOP
            IF pg_catalog.substr(opened, 33 + 68 * piece, 4) = one.id THEN
                keys := keys || pg_catalog.substr(opened, 33 + 68 * piece, 68);
            END IF;
        END LOOP;
    END LOOP;
    IF keys = ''::bytea THEN
        RAISE EXCEPTION 'pgguard: the keys that this session holds were destroyed: call pgguard.unlock($1) again'
            USING ERRCODE = 'PGG03';
    END IF;
    RETURN keys;
END
$$;
COMMENT ON FUNCTION pgguard.session_keys(text) IS 'the keys that this session holds in a setting; PGG01 without them';

-- These two are no constants, and are declared as such so that a function which asks for its keys gets them once
-- a plan and not once a row. Whoever calls them compares the first with the session's state before it believes
-- the second. Where debug_print_plan would print the plan's constants they give nothing, and keys are asked for
-- once a row.
CREATE OR REPLACE FUNCTION pgguard.planned_for(setting text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM pgguard.session_keys(setting);
    RETURN CASE WHEN pg_catalog.current_setting('debug_print_plan') = 'off'
        THEN pg_catalog.current_setting(setting, true) || session_user END;
END
$$;
CREATE OR REPLACE FUNCTION pgguard.planned_keys(setting text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN pg_catalog.current_setting('debug_print_plan') = 'off' THEN pgguard.session_keys(setting) END;
END
$$;

CREATE OR REPLACE FUNCTION pgguard.has_keys(setting text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN CASE coalesce(pg_catalog.current_setting(setting, true), '')
        WHEN 'locked' THEN false
        WHEN '' THEN EXISTS (SELECT FROM pgguard.installation WHERE host_key_file IS NOT NULL)
        ELSE true
    END;
END
$$;
COMMENT ON FUNCTION pgguard.has_keys(text) IS 'whether this session was unlocked; nothing is opened';

-- unwraps everything that the key-encryption key opens and puts it into the session
CREATE OR REPLACE FUNCTION pgguard.open_keys(kek bytea) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    known pgguard.kek;
    own bytea;
    unwrap bytea;
    held text;
    keys bytea := ''::bytea;
    one record;
BEGIN
    IF kek IS NULL OR pg_catalog.octet_length(kek) <> 32 THEN
        RAISE EXCEPTION 'pgguard: a key-encryption key has 32 bytes, and this has %',
            coalesce(pg_catalog.octet_length(kek), 0) USING ERRCODE = 'PGG01';
    END IF;
    own := pgguard.check_value(kek);
    SELECT k.* INTO known FROM pgguard.kek AS k WHERE k.check_value = own ORDER BY k.epoch DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'pgguard: this is not the key-encryption key of this database' USING ERRCODE = 'PGG01';
    ELSIF known.state <> 'current' THEN
        RAISE EXCEPTION 'pgguard: this key-encryption key was replaced: it is that of epoch %', known.epoch
            USING ERRCODE = 'PGG01';
    END IF;
    unwrap := pg_catalog.int4send(0) || pgguard.wrap_key(kek);
    FOR one IN
        SELECT k.id, k.wrapped, 'pgguard.' || k.purpose || '_' || k.key_group AS setting,
            pgguard.wrap_context(k.id, k.key_group, k.purpose, k.epoch) AS context,
            pg_catalog.lead(k.id) OVER same IS NULL AS is_last
        FROM pgguard.key AS k WHERE k.state <> 'destroyed'
        WINDOW same AS (PARTITION BY k.key_group, k.purpose ORDER BY k.state, k.created_at DESC, k.id)
        ORDER BY k.key_group, k.purpose, k.state, k.created_at DESC, k.id
    LOOP
        keys := keys || pg_catalog.int4send(one.id) || pgguard.pgg1_open(one.wrapped, unwrap, one.context);
        IF one.is_last THEN
            held := pgguard.hold(one.setting, keys);
            keys := ''::bytea;
        END IF;
    END LOOP;
END
$$;

-- Why a session's bound values would be written to the server's log; empty where they would not. The last four
-- print plans, in which bound values stand as constants.
CREATE OR REPLACE FUNCTION pgguard.logged_by() RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.concat_ws(', ',
        CASE WHEN pg_catalog.current_setting('log_parameter_max_length', true) IS DISTINCT FROM '0' THEN
            nullif(pg_catalog.concat_ws(', ',
                CASE WHEN pg_catalog.current_setting('log_statement') = 'all' THEN 'log_statement' END,
                CASE WHEN pg_catalog.current_setting('log_min_duration_statement') <> '-1'
                    THEN 'log_min_duration_statement' END,
                CASE WHEN pg_catalog.current_setting('log_min_duration_sample', true) <> '-1'
                    THEN 'log_min_duration_sample' END,
                CASE WHEN pg_catalog.current_setting('log_transaction_sample_rate', true) <> '0'
                    THEN 'log_transaction_sample_rate' END), '')
        END,
        CASE WHEN pg_catalog.current_setting('log_parameter_max_length_on_error', true) <> '0'
            THEN 'log_parameter_max_length_on_error' END,
        CASE WHEN pg_catalog.current_setting('pgaudit.log_parameter', true) = 'on' THEN 'pgaudit.log_parameter' END,
        CASE WHEN pg_catalog.current_setting('debug_print_plan') = 'on' THEN 'debug_print_plan' END,
        CASE WHEN pg_catalog.current_setting('auto_explain.log_min_duration', true) <> '-1' THEN
            nullif(pg_catalog.concat_ws(', ',
                CASE WHEN pg_catalog.current_setting('auto_explain.log_parameter_max_length', true) <> '0'
                    THEN 'auto_explain.log_min_duration' END,
                CASE WHEN pg_catalog.current_setting('auto_explain.log_verbose', true) = 'on'
                    THEN 'auto_explain.log_verbose' END), '')
        END)
$$;
COMMENT ON FUNCTION pgguard.logged_by() IS 'the settings by which bound values of this session reach the log';

CREATE OR REPLACE FUNCTION pgguard.unlock(kek bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    logged text := pgguard.logged_by();
    -- without what may stand between the digits
    between text := pg_catalog.chr(92) || pg_catalog.chr(10) || pg_catalog.chr(13) || pg_catalog.chr(9) || ' =''';
    said text := pg_catalog.translate(pg_catalog.current_query(), between, '');
BEGIN
    IF pg_catalog.octet_length(kek) = 32 AND (
        pg_catalog.strpos(pg_catalog.lower(said), pg_catalog.encode(kek, 'hex')) > 0
        OR pg_catalog.strpos(said, pg_catalog.translate(pg_catalog.encode(kek, 'base64'), between, '')) > 0
        OR pg_catalog.strpos(said, pg_catalog.translate(pg_catalog.encode(kek, 'escape'), between, '')) > 0
    ) THEN
        RAISE EXCEPTION 'pgguard: the key stood in the text of the statement, which logs and statistics keep: replace the key, and bind it as a parameter'
            USING ERRCODE = 'PGG04';
    ELSIF logged <> '' THEN
        RAISE EXCEPTION 'pgguard: not unlocked: bound values of this session are written to the log, by %', logged
            USING ERRCODE = 'PGG04', HINT = 'ALTER ROLE ... SET log_parameter_max_length = 0, and replace the key.';
    END IF;
    PERFORM pgguard.open_keys(kek);
END
$$;
COMMENT ON FUNCTION pgguard.unlock(bytea) IS
    'opens the encrypted columns for this session; bind the key-encryption key, never write it into the statement';

CREATE OR REPLACE FUNCTION pgguard.lock() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT DISTINCT k.key_group, k.purpose FROM pgguard.key AS k LOOP
        PERFORM pg_catalog.set_config('pgguard.' || one.purpose || '_' || one.key_group, 'locked', false);
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgguard.lock() IS 'closes the encrypted columns for this session';

-- the key-encryption key in a file of this server: a superuser replaces this when there is one
DO $host$
BEGIN
    IF pg_catalog.to_regprocedure('pgguard.host_key()') IS NULL THEN
        CREATE FUNCTION pgguard.host_key() RETURNS bytea LANGUAGE sql STABLE AS 'SELECT NULL::bytea';
        ALTER FUNCTION pgguard.host_key() OWNER TO pgguard_keys;
        REVOKE ALL ON FUNCTION pgguard.host_key() FROM PUBLIC;
    END IF;
END
$host$;

CREATE OR REPLACE FUNCTION pgguard.new_kek(kek bytea) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    own bytea;
    made integer;
BEGIN
    IF pg_catalog.octet_length(kek) IS DISTINCT FROM 32 THEN
        RAISE EXCEPTION 'pgguard: a key-encryption key has 32 bytes' USING ERRCODE = 'PGG01';
    END IF;
    own := pgguard.check_value(kek);
    IF EXISTS (SELECT FROM pgguard.kek AS k WHERE k.check_value = own) THEN
        RAISE EXCEPTION 'pgguard: this key-encryption key was in use before: make a new one' USING ERRCODE = 'PGG01';
    END IF;
    INSERT INTO pgguard.kek (epoch, check_value)
    SELECT coalesce(pg_catalog.max(k.epoch), 0) + 1, own FROM pgguard.kek AS k
    RETURNING epoch INTO made;
    RETURN made;
END
$$;
COMMENT ON FUNCTION pgguard.new_kek(bytea) IS 'begins an epoch; fails while another is current';

CREATE OR REPLACE FUNCTION pgguard.require_kek(kek bytea) RETURNS integer
LANGUAGE plpgsql STABLE AS $$
DECLARE
    own bytea := pgguard.check_value(kek);
    known pgguard.kek;
BEGIN
    SELECT k.* INTO known FROM pgguard.kek AS k WHERE k.check_value = own;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'pgguard: this is not the key-encryption key of this database: another key, or pgguard''s tables came from another server'
            USING ERRCODE = 'PGG01';
    ELSIF known.state <> 'current' THEN
        RAISE EXCEPTION 'pgguard: this key-encryption key was replaced: it is that of epoch %', known.epoch
            USING ERRCODE = 'PGG01';
    END IF;
    RETURN known.epoch;
END
$$;

CREATE OR REPLACE FUNCTION pgguard.new_key(
    kek bytea, key_group text, purpose text, state text DEFAULT 'current'
) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    in_epoch integer := pgguard.require_kek(kek);
    made integer;
    sealed bytea;
BEGIN
    IF state NOT IN ('next', 'current') THEN
        RAISE EXCEPTION 'pgguard: a new key is next or current';
    ELSIF state = 'current' THEN
        UPDATE pgguard.key AS k SET state = 'retired'
        WHERE k.key_group = new_key.key_group AND k.purpose = new_key.purpose AND k.state IN ('current', 'next');
    END IF;
    -- at random, so that a table of keys from elsewhere is noticed by its numbers
    LOOP
        made := ('x' || pg_catalog.encode(pgguard.random_bytes(4), 'hex'))::bit(32)::integer;
        EXIT WHEN made <> 0 AND NOT EXISTS (SELECT FROM pgguard.key AS k WHERE k.id = made);
    END LOOP;
    sealed := pgguard.pgg1_seal(
        pgguard.random_bytes(64), pg_catalog.int4send(0) || pgguard.wrap_key(kek),
        pgguard.wrap_context(made, key_group, purpose, in_epoch));
    INSERT INTO pgguard.key (id, key_group, purpose, state, epoch, wrapped)
    VALUES (made, key_group, purpose, state, in_epoch, sealed);
    RETURN made;
END
$$;
COMMENT ON FUNCTION pgguard.new_key(bytea, text, text, text) IS
    'makes a key. current: it seals from now on, and the one before goes on opening; next: see use_key';

-- A session that was unlocked before a key was made cannot open what it sealed: so it is made as next, and used
-- when the sessions from before have ended.
CREATE OR REPLACE FUNCTION pgguard.use_key(id integer) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE pgguard.key AS k SET state = 'retired'
    FROM pgguard.key AS n
    WHERE n.id = use_key.id AND n.state = 'next' AND k.state = 'current'
        AND k.key_group = n.key_group AND k.purpose = n.purpose;
    UPDATE pgguard.key AS k SET state = 'current' WHERE k.id = use_key.id AND k.state = 'next';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'pgguard: there is no key % that waits to be used', pg_catalog.encode(pg_catalog.int4send(id), 'hex');
    END IF;
END
$$;
COMMENT ON FUNCTION pgguard.use_key(integer) IS 'from now on the key seals, and the one before it only opens';

CREATE OR REPLACE FUNCTION pgguard.rewrap(old_kek bytea, new_kek bytea) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    before integer := pgguard.require_kek(old_kek);
    made integer;
    sealed bytea;
    one record;
BEGIN
    UPDATE pgguard.kek SET state = 'retired' WHERE epoch = before;
    made := pgguard.new_kek(new_kek);
    FOR one IN
        SELECT k.id, k.wrapped, pgguard.wrap_context(k.id, k.key_group, k.purpose, k.epoch) AS before,
            pgguard.wrap_context(k.id, k.key_group, k.purpose, made) AS after
        FROM pgguard.key AS k WHERE k.state <> 'destroyed' FOR UPDATE
    LOOP
        sealed := pgguard.pgg1_seal(
            pgguard.pgg1_open(one.wrapped, pg_catalog.int4send(0) || pgguard.wrap_key(old_kek), one.before),
            pg_catalog.int4send(0) || pgguard.wrap_key(new_kek), one.after);
        UPDATE pgguard.key AS k SET epoch = made, wrapped = sealed WHERE k.id = one.id;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION pgguard.rewrap(bytea, bytea) IS
    'begins an epoch with a new key-encryption key: what was wrapped with the old one is wrapped with the new';

-- For drills: it does not ask whether the value is in its place, which needs the row, and a wrong key passes for
-- the right one once in 256 values.
CREATE OR REPLACE FUNCTION pgguard.decrypts(stored bytea, setting text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    keys bytea := pgguard.session_keys(setting);
    size integer := pg_catalog.octet_length(stored);
BEGIN
    FOR piece IN 0 .. pg_catalog.octet_length(keys) / 68 - 1 LOOP
        IF size >= 69 AND pg_catalog.substr(keys, 1 + 68 * piece, 4) = pg_catalog.substr(stored, 2, 4) THEN
            -- before 16 pgcrypto says nothing about wrong padding, and leaves it on
            RETURN pg_catalog.octet_length(pgguard.aes_decrypt(
                pg_catalog.substr(stored, 22, size - 53), pg_catalog.substr(keys, 37 + 68 * piece, 32),
                pg_catalog.substr(stored, 6, 16))) < size - 53;
        END IF;
    END LOOP;
    RETURN false;
EXCEPTION WHEN external_routine_invocation_exception THEN
    RETURN false;
END
$$;
COMMENT ON FUNCTION pgguard.decrypts(bytea, text) IS 'whether a key of this session decrypts a stored value';

-- The blind index: 16 bytes of an HMAC under a key of its own. It tells equality and nothing else. As SQL it would
-- be a query (convert_to is no constant), and from 18 on such a query is planned with the key in it.
CREATE OR REPLACE FUNCTION pgguard.blind(value text, keys bytea, context bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN pg_catalog.substr(pgguard.hmac_sha512(
        context || pg_catalog.convert_to(value, 'UTF8'), pg_catalog.substr(keys, 5, 64)), 1, 16);
END
$$;

CREATE OR REPLACE FUNCTION pgguard.key_in(keys bytea, id integer) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR piece IN 0 .. pg_catalog.octet_length(keys) / 68 - 1 LOOP
        IF pg_catalog.substr(keys, 1 + 68 * piece, 4) = pg_catalog.int4send(id) THEN
            RETURN pg_catalog.substr(keys, 1 + 68 * piece, 68);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgguard.key_in(bytea, integer) IS 'one of the keys that a session holds, NULL when it does not hold it';

-- How values are made alike before they are indexed. Parsed now, so that no setting of a session changes what
-- a string with a backslash means.
CREATE OR REPLACE FUNCTION pgguard.normal_exact(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT $1 $$;
CREATE OR REPLACE FUNCTION pgguard.normal_identifier(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.regexp_replace(pg_catalog.upper($1 COLLATE pg_catalog."C"), '[^0-9A-Z]', '', 'g');
CREATE OR REPLACE FUNCTION pgguard.normal_phone(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace(
    $1, '[(]0[)]', '', 'g'), '[^0-9+]', '', 'g'), '^[+]', '00');
DO $names$
BEGIN
    -- letters with accents can only be written where the database can hold them all
    IF pg_catalog.getdatabaseencoding() = 'UTF8' THEN
        CREATE OR REPLACE FUNCTION pgguard.normal_name(value text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.upper(
                pg_catalog.regexp_replace(
                    pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
                        pg_catalog.normalize($1, 'NFKD'),
                        U&'\0152', 'OE'), U&'\0153', 'OE'), U&'\00C6', 'AE'), U&'\00E6', 'AE'), U&'\00DF', 'SS'),
                    U&'[\0300-\036F]', '', 'g') COLLATE pg_catalog."C"),
                U&'[\0001-\002F\003A-\0040\005B-\0060\007B-\00BF\2000-\206F]+', ' ', 'g'));
    ELSE
        CREATE OR REPLACE FUNCTION pgguard.normal_name(value text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $q$
            SELECT pg_catalog.btrim(pg_catalog.regexp_replace(
                pg_catalog.upper($1 COLLATE pg_catalog."C"), '[[:space:][:punct:]]+', ' ', 'g'))
        $q$;
    END IF;
END
$names$;
COMMENT ON FUNCTION pgguard.normal_name(text) IS
    'without case, accents, and differences of spaces, hyphens and apostrophes';

CREATE OR REPLACE FUNCTION pgguard.current_key(key_group text) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found integer;
BEGIN
    SELECT k.id INTO found FROM pgguard.key AS k
    WHERE k.key_group = current_key.key_group AND k.purpose = 'data' AND k.state = 'current';
    IF found IS NULL THEN
        RAISE EXCEPTION 'pgguard: there is no current key of the group %: pgguard keys init makes it', key_group
            USING ERRCODE = 'PGG03';
    END IF;
    RETURN pg_catalog.int4send(found);
END
$$;
COMMENT ON FUNCTION pgguard.current_key(text) IS 'the number that values are sealed under now, as it is stored in them';

-- What migrations use; each runs with the rights of whoever applies them.

-- gives a function to pgguard_keys, and EXECUTE to nobody but those roles, whatever default privileges say
CREATE OR REPLACE FUNCTION pgguard.hand_over(function regprocedure, roles text[], to_keys boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one text;
BEGIN
    IF to_keys THEN
        EXECUTE pg_catalog.format('ALTER ROUTINE %s OWNER TO pgguard_keys', function);
    END IF;
    EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', function);
    FOR one IN
        SELECT pg_catalog.quote_ident(r.rolname)
        FROM pg_catalog.pg_proc AS p, pg_catalog.aclexplode(p.proacl) AS e JOIN pg_catalog.pg_roles AS r ON r.oid = e.grantee
        WHERE p.oid = function AND e.grantee <> p.proowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM %s', function, one);
    END LOOP;
    FOREACH one IN ARRAY roles LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %s', function,
            CASE one WHEN 'public' THEN 'PUBLIC' ELSE pg_catalog.quote_ident(one) END);
    END LOOP;
END
$$;

-- Views name what they read by its number, and would go on reading the table under its new name. The first of
-- these two keeps their text for the rest of the transaction, the second gives them that text again, so that they
-- read what has the old name now. Owners, privileges, options and comments stay.
CREATE OR REPLACE FUNCTION pgguard.remember_views(relation text, kinds text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_catalog.set_config('pgguard.views', coalesce((
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', v.oid::regclass::text,
            'options', coalesce(' WITH (' || pg_catalog.array_to_string(v.reloptions, ', ') || ')', ''),
            'text', pg_catalog.pg_get_viewdef(v.oid)) ORDER BY v.oid::regclass::text)
        FROM pg_catalog.pg_class AS v
        WHERE v.relkind = 'v' AND v.oid IN (
            SELECT r.ev_class FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
            JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid
            WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
                AND c.oid = pg_catalog.to_regclass(relation) AND c.relkind::text = ANY (kinds::text[])
                AND r.ev_class <> c.oid)
    ), '[]')::text, true);
END
$$;
CREATE OR REPLACE FUNCTION pgguard.rebuild_views() RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one jsonb;
BEGIN
    FOR one IN SELECT v.value FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('pgguard.views')::jsonb) AS v LOOP
        EXECUTE pg_catalog.format('CREATE OR REPLACE VIEW %s%s AS %s', one ->> 'name', one ->> 'options', one ->> 'text');
    END LOOP;
END
$$;

-- Seals what was there before, in batches that each are a transaction: by plain SQL, for sites without pgguard.
-- `pgguard apply` does the same with several sessions. function is that of the table: backfill, refill or reseal;
-- without an end of blocks it counts what is left.
CREATE OR REPLACE PROCEDURE pgguard.run_backfill(
    relation text, function text, parts text[], batch_rows integer DEFAULT 1000, pause_seconds double precision DEFAULT 0,
    enough bigint DEFAULT 0
)
LANGUAGE plpgsql AS $$
DECLARE
    leaf text;
    most bigint;
    step bigint;
    ends bigint;
    at bigint;
    began timestamp with time zone;
    done bigint;
    left_over bigint;
BEGIN
    LOOP
        left_over := 0;
        FOREACH leaf IN ARRAY parts LOOP
            SELECT greatest(1, (batch_rows * c.relpages / greatest(c.reltuples, 1))::bigint),
                pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint
            INTO most, ends FROM pg_catalog.pg_class AS c WHERE c.oid = leaf::regclass;
            step := greatest(1, most / 8);
            SELECT b.next_block INTO at FROM pgguard.backfill AS b
            WHERE b.relation = run_backfill.function AND b.part = leaf AND b.first_block = 0;
            at := coalesce(at, 0);
            WHILE at < ends LOOP
                began := pg_catalog.clock_timestamp();
                EXECUTE pg_catalog.format('SELECT %s($1, $2, $3)', function) INTO done
                    USING leaf::regclass, at, least(at + step, ends);
                left_over := left_over + done;
                at := at + step;
                INSERT INTO pgguard.backfill AS b (relation, part, first_block, end_block, next_block, rows)
                VALUES (function, leaf, 0, ends, at, done)
                ON CONFLICT ON CONSTRAINT backfill_pkey DO UPDATE SET next_block = excluded.next_block,
                    end_block = excluded.end_block, rows = b.rows + excluded.rows, at = pg_catalog.clock_timestamp();
                COMMIT;
                -- who writes one of its rows waits for a batch: it should take 8 ms
                step := greatest(1, least(most, step * 2, (step * 0.008 / greatest(0.0005,
                    extract(epoch FROM pg_catalog.clock_timestamp() - began)))::bigint));
                IF pause_seconds > 0 THEN
                    PERFORM pg_catalog.pg_sleep(pause_seconds);
                END IF;
            END LOOP;
            -- the next pass begins again: what sessions without a key wrote, or what was locked
            UPDATE pgguard.backfill AS b SET next_block = 0
            WHERE b.relation = run_backfill.function AND b.part = leaf;
            COMMIT;
        END LOOP;
        IF left_over <= enough AND enough = 0 THEN
            FOREACH leaf IN ARRAY parts LOOP
                EXECUTE pg_catalog.format('SELECT %s($1, 0, NULL)', function) INTO done USING leaf::regclass;
                left_over := left_over + done;
            END LOOP;
        END IF;
        EXIT WHEN left_over <= enough;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE pgguard.run_backfill(text, text, text[], integer, double precision, bigint) IS
    'calls the function over all blocks of the parts, batch by batch, until a pass changes no more rows than enough; goes on where it was broken off';

-- ownership and rights: nobody but pgguard_keys, and unlock, lock and has_keys for everybody with USAGE
DO $rights$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS name FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'pgguard'::regnamespace
            AND c.relname IN ('installation', 'kek', 'key', 'encrypted_column', 'encrypted_storage', 'backfill')
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO pgguard_keys', one.name);
        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM PUBLIC', one.name);
    END LOOP;
    -- whatever default privileges gave
    FOR one IN
        SELECT DISTINCT c.oid::regclass AS name, pg_catalog.quote_ident(r.rolname) AS grantee
        FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS e
        JOIN pg_catalog.pg_roles AS r ON r.oid = e.grantee
        WHERE c.relnamespace = 'pgguard'::regnamespace AND e.grantee <> c.relowner
            AND c.relname IN ('installation', 'kek', 'key', 'encrypted_column', 'encrypted_storage', 'backfill')
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s', one.name, one.grantee);
    END LOOP;
    FOR one IN
        SELECT p.oid::regprocedure AS name FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'pgguard'::regnamespace AND p.proname IN (
            'random_bytes', 'hmac_sha512', 'aes_encrypt', 'aes_decrypt', 'wrap_key', 'check_value', 'wrap_context',
            'pgg1_seal', 'pgg1_open', 'padded', 'unpadded', 'part', 'base_type', 'seal_of_session', 'hold', 'session_keys',
            'planned_for', 'planned_keys', 'has_keys', 'open_keys', 'logged_by', 'unlock', 'lock', 'host_key', 'new_kek',
            'require_kek', 'new_key', 'use_key', 'rewrap', 'decrypts', 'blind', 'key_in', 'normal_exact', 'normal_identifier', 'normal_phone',
            'normal_name', 'current_key')
            -- that which reads the host key file has an owner of its own
            AND NOT (p.proname = 'host_key' AND p.prosecdef)
    LOOP
        PERFORM pgguard.hand_over(one.name, ARRAY[]::text[], true);
    END LOOP;
    FOR one IN
        SELECT p.oid::regprocedure AS name FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'pgguard'::regnamespace
            AND p.proname IN ('hand_over', 'remember_views', 'rebuild_views', 'run_backfill')
    LOOP
        PERFORM pgguard.hand_over(one.name, ARRAY[]::text[], false);
    END LOOP;
    REVOKE ALL ON PROCEDURE pgguard.run_backfill(text, text, text[], integer, double precision, bigint) FROM PUBLIC;
    -- names can be looked up by everybody, so that no view of a table that was encrypted stops somebody
    GRANT USAGE ON SCHEMA pgguard TO PUBLIC;
    GRANT EXECUTE ON FUNCTION pgguard.unlock(bytea), pgguard.lock(), pgguard.has_keys(text) TO PUBLIC;
END
$rights$;

-- Known answers: a pgcrypto that does not encrypt, or opens with a wrong key, is refused here (CVE-2026-14663 made
-- it store clear text for some ciphers; AES is the only one that is used).
DO $test$
DECLARE
    key bytea := '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
    iv bytea := '\x1af38c2dc2b96ffdd86694092341bc04';
    keys bytea := '\x00000007'::bytea || pgguard.random_bytes(64);
    made bytea;
BEGIN
    IF pgguard.aes_encrypt('known answer'::bytea, key, iv) <> '\xdaa989b8b3883991071a963178a68239'::bytea THEN
        RAISE EXCEPTION 'pgguard: AES of this pgcrypto does not give the known answer';
    END IF;
    made := pgguard.pgg1_seal('known answer'::bytea, keys, 'here'::bytea);
    IF pgguard.pgg1_open(made, keys, 'here'::bytea) <> 'known answer'::bytea
        OR position('known'::bytea IN made) > 0
    THEN
        RAISE EXCEPTION 'pgguard: what was encrypted does not come back';
    END IF;
    BEGIN
        PERFORM pgguard.pgg1_open(made, '\x00000007'::bytea || pgguard.random_bytes(64), 'here'::bytea);
        RAISE EXCEPTION 'pgguard: a wrong key opens' USING ERRCODE = 'PGG05';
    EXCEPTION WHEN SQLSTATE 'PGG02' THEN
        NULL;
    END;
    BEGIN
        PERFORM pgguard.pgg1_open(made, keys, 'elsewhere'::bytea);
        RAISE EXCEPTION 'pgguard: a value opens in another place' USING ERRCODE = 'PGG05';
    EXCEPTION WHEN SQLSTATE 'PGG02' THEN
        NULL;
    END;
END
$test$;

INSERT INTO pgguard.installation (id, secret)
SELECT pg_catalog.gen_random_uuid(), pgguard.random_bytes(32)
WHERE NOT EXISTS (SELECT FROM pgguard.installation);
