DO $off$
BEGIN
    CREATE OR REPLACE FUNCTION pgguard.host_key() RETURNS bytea LANGUAGE sql STABLE AS 'SELECT NULL::bytea';
    ALTER FUNCTION pgguard.host_key() OWNER TO pgguard_keys;
    REVOKE ALL ON FUNCTION pgguard.host_key() FROM PUBLIC;
    UPDATE pgguard.installation SET host_key_file = NULL;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgguard_host_key') THEN
        REVOKE EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint) FROM pgguard_host_key;
        -- another database may use it
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_shdepend
            WHERE refclassid = 'pg_catalog.pg_authid'::regclass
                AND refobjid = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = 'pgguard_host_key'))
        THEN
            DROP ROLE pgguard_host_key;
        END IF;
    END IF;
END
$off$;
