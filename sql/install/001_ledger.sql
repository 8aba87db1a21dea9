-- The ledger of migrations: what was applied and taken back, by whom and when.
-- Run it in each database that migrations are for, or leave it to `pgguard apply`. Running it twice is harmless.
-- This file is under the PostgreSQL License: use it with your own as you like.
DO $ledger$
BEGIN
    IF pg_catalog.to_regnamespace('pgguard') IS NULL THEN
        CREATE SCHEMA pgguard;
        REVOKE ALL ON SCHEMA pgguard FROM PUBLIC;
        COMMENT ON SCHEMA pgguard IS 'pgguard: what it keeps in this database';
    END IF;
    IF pg_catalog.to_regclass('pgguard.migration') IS NULL THEN
        CREATE TABLE pgguard.migration (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            plan text NOT NULL,
            number integer NOT NULL,
            slug text NOT NULL,
            phase text NOT NULL,
            sha256 text NOT NULL,
            action text NOT NULL CHECK (action IN ('apply', 'rollback')),
            state text NOT NULL CHECK (state IN ('started', 'applied', 'rolled-back', 'failed')),
            by text NOT NULL DEFAULT session_user,
            at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
            message text NOT NULL DEFAULT ''
        );
        -- default privileges may have opened it
        REVOKE ALL ON TABLE pgguard.migration FROM PUBLIC;
        COMMENT ON TABLE pgguard.migration IS
            'what happened to each file of a plan, in order; rows are added and never changed';
        COMMENT ON COLUMN pgguard.migration.plan IS 'SHA-256 of the plan.json that the file belongs to';
        COMMENT ON COLUMN pgguard.migration.sha256 IS 'SHA-256 of the file that was run';
        COMMENT ON COLUMN pgguard.migration.by IS 'the role that logged in';
    END IF;
END
$ledger$;
