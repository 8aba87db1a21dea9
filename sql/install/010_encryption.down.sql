-- Takes away what 010_encryption.sql made. It stops while there are keys or encrypted columns: with the keys the
-- values would be lost. pgcrypto stays where a program had it before; the role pgguard_keys stays while another
-- database uses it.
DO $down$
BEGIN
    IF pg_catalog.to_regclass('pgguard.key') IS NOT NULL THEN
        IF EXISTS (SELECT FROM pgguard.encrypted_column) THEN
            RAISE EXCEPTION 'pgguard: columns are encrypted: take their migrations back first';
        END IF;
        IF EXISTS (SELECT FROM pgguard.key WHERE state <> 'destroyed') THEN
            RAISE EXCEPTION 'pgguard: there are keys: pgguard keys destroy says what they still open';
        END IF;
    END IF;
END
$down$;
DO $objects$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind, p.oid::regprocedure AS name
        FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = pg_catalog.to_regnamespace('pgguard')
            AND pg_catalog.to_regclass('pgguard.installation') IS NOT NULL AND p.proname IN (
                'random_bytes', 'hmac_sha512', 'aes_encrypt', 'aes_decrypt', 'wrap_key', 'check_value', 'wrap_context',
                'pgg1_seal', 'pgg1_open', 'padded', 'unpadded', 'part', 'base_type', 'seal_of_session', 'hold', 'session_keys',
                'planned_for', 'planned_keys', 'has_keys', 'open_keys', 'logged_by', 'unlock', 'lock', 'host_key', 'new_kek',
                'require_kek', 'new_key', 'use_key', 'rewrap', 'decrypts', 'blind', 'key_in', 'normal_exact', 'normal_identifier', 'normal_phone',
                'normal_name', 'current_key', 'hand_over', 'remember_views', 'rebuild_views', 'run_backfill')
    LOOP
        EXECUTE pg_catalog.format('DROP %s IF EXISTS %s CASCADE', one.kind, one.name);
    END LOOP;
END
$objects$;
DROP VIEW IF EXISTS pgguard.encrypted_storage;
DROP TABLE IF EXISTS pgguard.backfill, pgguard.encrypted_column, pgguard.key, pgguard.kek, pgguard.installation;
DO $rest$
BEGIN
    IF pg_catalog.to_regnamespace('pgguard_crypto') IS NOT NULL THEN
        DROP EXTENSION IF EXISTS pgcrypto;
        DROP SCHEMA pgguard_crypto;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgguard_keys') THEN
        DROP OWNED BY pgguard_keys;
        IF NOT EXISTS (
            SELECT FROM pg_catalog.pg_shdepend AS d JOIN pg_catalog.pg_roles AS r ON r.oid = d.refobjid
            WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND r.rolname = 'pgguard_keys')
        THEN
            DROP ROLE pgguard_keys;
        END IF;
    END IF;
END
$rest$;
