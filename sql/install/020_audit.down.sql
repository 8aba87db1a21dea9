-- Takes the audit away, and with it the store: it stops while there are entries, unless they were all exported and
-- somebody says so: SET pgguard.lose_audit = 'yes'. The roles stay while another database uses them.
DO $down$
DECLARE
    one record;
BEGIN
    IF pg_catalog.to_regnamespace('pgguard_audit') IS NULL THEN
        RETURN;
    END IF;
    IF pg_catalog.to_regclass('pgguard_audit.audited') IS NOT NULL AND EXISTS (SELECT FROM pgguard_audit.audited) THEN
        RAISE EXCEPTION 'pgguard: tables are audited: take their migrations back first';
    END IF;
    IF pg_catalog.to_regclass('pgguard_audit.entry') IS NOT NULL
        AND EXISTS (SELECT FROM pgguard_audit.entry WHERE verb IN ('INSERT', 'UPDATE', 'UPDATE FROM', 'UPDATE TO', 'DELETE', 'TRUNCATE'))
        AND pg_catalog.current_setting('pgguard.lose_audit', true) IS DISTINCT FROM 'yes'
    THEN
        RAISE EXCEPTION 'pgguard: the audit store holds entries: export them, then SET pgguard.lose_audit = ''yes''';
    END IF;
    FOR one IN SELECT e.evtname FROM pg_catalog.pg_event_trigger AS e WHERE e.evtname LIKE 'pgguard\_audit\_%' LOOP
        EXECUTE pg_catalog.format('DROP EVENT TRIGGER %I', one.evtname);
    END LOOP;
    DROP SCHEMA pgguard_audit CASCADE;
    DROP FUNCTION IF EXISTS pgguard.identify(text, timestamp with time zone, bytea), pgguard.audit_sound(), pgguard.audit_on_ddl(),
        pgguard.audit_on_drop(), pgguard.audit_on_rewrite();
    -- the schema stays where encryption uses it
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE refclassid = 'pg_catalog.pg_namespace'::regclass AND refobjid = 'pgguard'::regnamespace) THEN
        DROP SCHEMA pgguard;
    END IF;
    FOR one IN SELECT r.rolname FROM pg_catalog.pg_roles AS r
        WHERE r.rolname IN ('pgguard_audit_owner', 'pgguard_audit_reader', 'pgguard_audit_keeper', 'pgguard_audit_eraser',
            'pgguard_audit_erasure')
    LOOP
        EXECUTE pg_catalog.format('DROP OWNED BY %I', one.rolname);
        IF NOT EXISTS (
            SELECT FROM pg_catalog.pg_shdepend AS d JOIN pg_catalog.pg_roles AS r ON r.oid = d.refobjid
            WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND r.rolname = one.rolname)
        THEN
            EXECUTE pg_catalog.format('DROP ROLE %I', one.rolname);
        END IF;
    END LOOP;
END
$down$;
