-- Keys for each data subject, so that one person's values are erased by destroying one key (GDPR, article 17).
-- Run it after 010_encryption.sql in each database that has tables with a subject, or leave it to
-- `pgguard keys init --subjects`. Running it twice is harmless.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- Each person has a secret of 32 random bytes in pgguard.subject_key. It is sealed with the subject key, which is
-- wrapped under the key-encryption key as data keys are. The row is found by an HMAC of the person's key under the
-- name key, so that the table names nobody. A value of that person is sealed by the scheme pgg1 as ever, but with
--     HMAC-SHA-512(data key of the column's group, 'pgguard subject key' | secret)
-- in the place of the data key; its number in the stored value stays that of the data key. Which columns have such
-- keys is decided by their functions, never by what is stored.
--
-- A destroyed secret leaves its row with nothing in it: values read as NULL, and nothing new is sealed for that
-- person. Nothing of a secret outlives a statement in a session: it is looked up for each value, so that
-- its destruction is seen at once.

DO $ready$
BEGIN
    IF pg_catalog.to_regprocedure('pgguard.unlock(bytea)') IS NULL THEN
        RAISE EXCEPTION 'pgguard: run 010_encryption.sql first';
    END IF;
END
$ready$;

-- subject: wraps the persons' secrets; name: names the persons, and is never replaced
DO $purposes$
BEGIN
    -- only once: it waits for everybody who reads the table, and everybody waits for it
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS c WHERE c.conrelid = 'pgguard.key'::regclass
            AND c.conname = 'key_purpose_check' AND pg_catalog.strpos(pg_catalog.pg_get_constraintdef(c.oid), 'subject') > 0
    ) THEN
        ALTER TABLE pgguard.key DROP CONSTRAINT IF EXISTS key_purpose_check;
        ALTER TABLE pgguard.key ADD CONSTRAINT key_purpose_check
            CHECK (purpose IN ('data', 'index', 'subject', 'name'));
    END IF;
END
$purposes$;

CREATE TABLE IF NOT EXISTS pgguard.subject_table (
    table_schema text NOT NULL,
    table_name text NOT NULL,
    subject_column text NOT NULL,
    kind text NOT NULL,
    PRIMARY KEY (table_schema, table_name)
);
COMMENT ON TABLE pgguard.subject_table IS
    'the encrypted tables whose values have a key for each person; tables of one kind share the keys of their persons';

CREATE TABLE IF NOT EXISTS pgguard.subject_key (
    subject bytea PRIMARY KEY CHECK (pg_catalog.octet_length(subject) = 16),
    wrapped bytea,
    destroyed_at timestamp with time zone,
    CHECK ((destroyed_at IS NULL) = (wrapped IS NOT NULL))
);
-- ANALYZE would copy wrapped secrets to pg_statistic, where they outlive their destruction
ALTER TABLE pgguard.subject_key ALTER COLUMN wrapped SET STATISTICS 0;
COMMENT ON TABLE pgguard.subject_key IS 'a secret for each person, sealed with the subject key; without it the person was erased';
COMMENT ON COLUMN pgguard.subject_key.subject IS 'HMAC of the kind and the person''s key, under the name key';

CREATE OR REPLACE FUNCTION pgguard.subject_name(kind text, value bytea) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
DECLARE
    keys bytea;
BEGIN
    IF value IS NULL THEN
        RAISE EXCEPTION 'pgguard: the row does not say whose it is: its subject is NULL' USING ERRCODE = 'not_null_violation';
    END IF;
    keys := CASE WHEN pgguard.planned_for('pgguard.name_subject')
            = pg_catalog.current_setting('pgguard.name_subject', true) || session_user
        THEN pgguard.planned_keys('pgguard.name_subject') ELSE pgguard.session_keys('pgguard.name_subject') END;
    RETURN pg_catalog.substr(pgguard.hmac_sha512(
        'pgguard subject'::bytea || pgguard.part(pg_catalog.convert_to(kind, 'UTF8')) || pgguard.part(value),
        pg_catalog.substr(keys, 5, 64)), 1, 16);
END
$$;
COMMENT ON FUNCTION pgguard.subject_name(text, bytea) IS 'how pgguard.subject_key calls a person';

CREATE OR REPLACE FUNCTION pgguard.subject_context(name bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 'pgguard subject secret'::bytea || $1 $$;

CREATE OR REPLACE FUNCTION pgguard.subject_wrapping() RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN pgguard.planned_for('pgguard.subject_subject')
            = pg_catalog.current_setting('pgguard.subject_subject', true) || session_user
        THEN pgguard.planned_keys('pgguard.subject_subject') ELSE pgguard.session_keys('pgguard.subject_subject') END;
END
$$;

-- VOLATILE although it only looks: so it sees what was made or destroyed while a statement runs, by itself too
CREATE OR REPLACE FUNCTION pgguard.subject_kept(name bytea) RETURNS bytea
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    kept bytea;
BEGIN
    SELECT coalesce(k.wrapped, ''::bytea) INTO kept FROM pgguard.subject_key AS k WHERE k.subject = name;
    RETURN kept;
END
$$;
COMMENT ON FUNCTION pgguard.subject_kept(bytea) IS
    'the wrapped secret of a person; empty once it was destroyed, NULL where there was never one';

-- for those who read
CREATE OR REPLACE FUNCTION pgguard.subject_secret(kind text, value bytea) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
DECLARE
    name bytea := pgguard.subject_name(kind, value);
    kept bytea := pgguard.subject_kept(name);
BEGIN
    IF kept IS NULL THEN
        RAISE EXCEPTION 'pgguard: the person whose value this is has no key: the table of subject keys is older than the data, or that of another database'
            USING ERRCODE = 'PGG03';
    ELSIF kept = ''::bytea THEN
        IF pg_catalog.current_setting('pgguard.erased', true) = 'raise' THEN
            RAISE EXCEPTION 'pgguard: the person whose value this is was erased' USING ERRCODE = 'PGG06';
        END IF;
        RETURN NULL;
    END IF;
    RETURN pgguard.pgg1_open(kept, pgguard.subject_wrapping(), pgguard.subject_context(name));
END
$$;
COMMENT ON FUNCTION pgguard.subject_secret(text, bytea) IS
    'the secret of a person; NULL once it was destroyed (PGG06 under pgguard.erased = raise), PGG03: there was never one';

-- for those who write: makes the secret of a person who is new. Two sessions that do so at once make one.
CREATE OR REPLACE FUNCTION pgguard.subject_ready(kind text, value bytea) RETURNS bytea
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    name bytea := pgguard.subject_name(kind, value);
    kept bytea := pgguard.subject_kept(name);
    keys bytea := pgguard.subject_wrapping();
    secret bytea;
    used integer;
BEGIN
    IF kept IS NULL THEN
        -- until this transaction ends nobody destroys the key that the new secret is sealed with; a plan may
        -- still hold one that was destroyed before
        used := ('x' || pg_catalog.encode(pg_catalog.substr(keys, 1, 4), 'hex'))::bit(32)::integer;
        PERFORM FROM pgguard.key AS k WHERE k.id = used AND k.state <> 'destroyed' FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'pgguard: the subject key was replaced while this statement ran: try again'
                USING ERRCODE = 'serialization_failure';
        END IF;
        secret := pgguard.random_bytes(32);
        kept := pgguard.pgg1_seal(secret, keys, pgguard.subject_context(name));
        INSERT INTO pgguard.subject_key (subject, wrapped) VALUES (name, kept) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN secret;
        END IF;
        -- another session was faster
        kept := pgguard.subject_kept(name);
    ELSIF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
        -- what this transaction sees may be older than an erasure
        PERFORM FROM pgguard.subject_key AS k WHERE k.subject = name FOR SHARE;
    END IF;
    IF coalesce(kept, ''::bytea) = ''::bytea THEN
        RAISE EXCEPTION 'pgguard: the person was erased: nothing can be sealed for them any more' USING ERRCODE = 'PGG06';
    END IF;
    RETURN pgguard.pgg1_open(kept, keys, pgguard.subject_context(name));
END
$$;
COMMENT ON FUNCTION pgguard.subject_ready(text, bytea) IS 'the secret of a person, made when it is the first time; PGG06 once it was destroyed';

CREATE OR REPLACE FUNCTION pgguard.subject_keys(keys bytea, secret bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    derived bytea := ''::bytea;
BEGIN
    FOR piece IN 0 .. pg_catalog.octet_length(keys) / 68 - 1 LOOP
        derived := derived || pg_catalog.substr(keys, 1 + 68 * piece, 4) || pgguard.hmac_sha512(
            'pgguard subject key'::bytea || secret, pg_catalog.substr(keys, 5 + 68 * piece, 64));
    END LOOP;
    RETURN derived;
END
$$;
COMMENT ON FUNCTION pgguard.subject_keys(bytea, bytea) IS 'the keys of a person, from those of a group; under the same numbers';

CREATE OR REPLACE FUNCTION pgguard.subject_open(stored bytea, keys bytea, kind text, value bytea, context bytea) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
DECLARE
    secret bytea := pgguard.subject_secret(kind, value);
BEGIN
    IF secret IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN pgguard.pgg1_open(stored, pgguard.subject_keys(keys, secret), context);
END
$$;
COMMENT ON FUNCTION pgguard.subject_open(bytea, bytea, text, bytea, bytea) IS 'opens a value of a person; NULL once the person was erased';

CREATE OR REPLACE FUNCTION pgguard.subject_erased(kind text, value bytea) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(pgguard.subject_kept(pgguard.subject_name(kind, value)) = ''::bytea, false);
END
$$;

-- Seals secrets that the subject key of before sealed with the one in use, the next ones after a name. The session
-- has both keys. Returns the last name that it came to, and NULL at the end.
CREATE OR REPLACE FUNCTION pgguard.subject_rewrap(after bytea, batch integer, OUT last bytea, OUT done integer)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    keys bytea := pgguard.session_keys('pgguard.subject_subject');
    sealed bytea;
    one record;
BEGIN
    done := 0;
    FOR one IN
        SELECT k.subject, k.wrapped FROM pgguard.subject_key AS k
        WHERE k.subject > after AND pg_catalog.substr(k.wrapped, 2, 4) <> pg_catalog.substr(keys, 1, 4)
        ORDER BY k.subject LIMIT batch FOR UPDATE
    LOOP
        sealed := pgguard.pgg1_seal(
            pgguard.pgg1_open(one.wrapped, keys, pgguard.subject_context(one.subject)),
            keys, pgguard.subject_context(one.subject));
        UPDATE pgguard.subject_key AS k SET wrapped = sealed WHERE k.subject = one.subject;
        done := done + 1;
        last := one.subject;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgguard.subject_rewrap(bytea, integer) IS
    'after a change of the subject key: seals secrets with the one in use; needs a session that was unlocked since';

-- nobody but pgguard_keys, whatever default privileges gave
DO $rights$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS name FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'pgguard'::regnamespace AND c.relname IN ('subject_table', 'subject_key')
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO pgguard_keys', one.name);
        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM PUBLIC', one.name);
    END LOOP;
    FOR one IN
        SELECT DISTINCT c.oid::regclass AS name, pg_catalog.quote_ident(r.rolname) AS grantee
        FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS e
        JOIN pg_catalog.pg_roles AS r ON r.oid = e.grantee
        WHERE c.relnamespace = 'pgguard'::regnamespace AND e.grantee <> c.relowner
            AND c.relname IN ('subject_table', 'subject_key')
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s', one.name, one.grantee);
    END LOOP;
    FOR one IN
        SELECT p.oid::regprocedure AS name FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'pgguard'::regnamespace AND p.proname IN (
            'subject_name', 'subject_context', 'subject_wrapping', 'subject_kept', 'subject_secret', 'subject_ready',
            'subject_keys', 'subject_open', 'subject_erased', 'subject_rewrap')
    LOOP
        PERFORM pgguard.hand_over(one.name, ARRAY[]::text[], true);
    END LOOP;
END
$rights$;
