-- Whether columns were encrypted in this database and may be asked for, the versions, and where we are.
SELECT pg_catalog.to_regclass('pgguard.encrypted_storage') IS NOT NULL,
       CASE WHEN pg_catalog.to_regclass('pgguard.encrypted_storage') IS NOT NULL
            THEN pg_catalog.has_schema_privilege('pgguard', 'USAGE')
                 AND pg_catalog.has_table_privilege('pgguard.encrypted_storage', 'SELECT')
                 AND pg_catalog.has_table_privilege('pgguard.encrypted_column', 'SELECT')
            ELSE false END,
       pg_catalog.current_setting('server_version'), pg_catalog.current_database(),
       pg_catalog.current_setting('server_encoding'),
       pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       pg_catalog.current_setting('block_size')::integer, pg_catalog.current_setting('wal_block_size')::integer,
       pg_catalog.pg_is_in_recovery(),
       (SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
       extract(epoch FROM pg_catalog.pg_postmaster_start_time())::bigint;
