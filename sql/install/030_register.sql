-- The versions of the register of processing: which digest was in force from when. It needs the schema pgguard.
-- Running it twice is harmless. Rows are added and never changed; the table holds no personal data.
-- This file is under the PostgreSQL License: use it with your own as you like.
DO $register$
BEGIN
    IF pg_catalog.to_regclass('pgguard.register_version') IS NULL THEN
        CREATE TABLE pgguard.register_version (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            sha256 text NOT NULL CHECK (sha256 OPERATOR(pg_catalog.~) '^[0-9a-f]{64}$'),
            file text NOT NULL,
            by text NOT NULL DEFAULT session_user,
            at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp()
        );
        -- default privileges may have opened it
        REVOKE ALL ON TABLE pgguard.register_version FROM PUBLIC;
        COMMENT ON TABLE pgguard.register_version IS
            'versions of the register of processing (GDPR art. 30), in order; rows are added and never changed';
        COMMENT ON COLUMN pgguard.register_version.sha256 IS 'SHA-256 of the file''s bytes';
        COMMENT ON COLUMN pgguard.register_version.by IS 'the role that logged in';
        CREATE FUNCTION pgguard.register_is_kept() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $kept$
        BEGIN
            RAISE EXCEPTION 'pgguard: versions of the register are added, and never changed or removed';
        END
        $kept$;
        REVOKE ALL ON FUNCTION pgguard.register_is_kept() FROM PUBLIC;
        CREATE TRIGGER register_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON pgguard.register_version
            FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.register_is_kept();
        ALTER TABLE pgguard.register_version ENABLE ALWAYS TRIGGER register_is_kept;
    END IF;
END
$register$;
