-- Whether this server can be written to, and what tells it from others.
SELECT
    pg_catalog.pg_is_in_recovery(),
    pg_catalog.current_setting('default_transaction_read_only') = 'on',
    pg_catalog.current_setting('server_version_num')::integer / 10000,
    pg_catalog.pg_backend_pid(),
    pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE'),
    ARRAY(SELECT d.datname::text FROM pg_catalog.pg_database AS d WHERE d.datallowconn ORDER BY 1),
    pg_catalog.current_database()::text
