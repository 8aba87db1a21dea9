-- The segment that is being written; '' on a standby.
SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN ''
            ELSE pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) END;
