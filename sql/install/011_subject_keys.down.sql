-- Takes away what 011_subject_keys.sql made. It stops while a table has a subject, or a person a key: with the keys
-- the values would be lost.
DO $down$
DECLARE
    one record;
    kept boolean;
BEGIN
    IF pg_catalog.to_regclass('pgguard.subject_key') IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pgguard.subject_table) THEN
        RAISE EXCEPTION 'pgguard: tables have keys for each person: take their migrations back first';
    END IF;
    SELECT EXISTS (SELECT FROM pgguard.key AS k WHERE k.purpose IN ('subject', 'name') AND k.state <> 'destroyed') INTO kept;
    IF kept THEN
        RAISE EXCEPTION 'pgguard: there are subject keys: pgguard keys destroy --group subject, when no person has a key any more';
    END IF;
    FOR one IN
        SELECT p.oid::regprocedure AS name FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'pgguard'::regnamespace AND p.proname IN (
            'subject_name', 'subject_context', 'subject_wrapping', 'subject_kept', 'subject_secret', 'subject_ready',
            'subject_keys', 'subject_open', 'subject_erased', 'subject_rewrap')
    LOOP
        EXECUTE pg_catalog.format('DROP FUNCTION IF EXISTS %s CASCADE', one.name);
    END LOOP;
    DROP TABLE pgguard.subject_table, pgguard.subject_key;
END
$down$;
