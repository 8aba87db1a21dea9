-- Where we are, and the server's time.
SELECT pg_catalog.current_database()::text, pg_catalog.current_setting('server_version_num')::integer / 10000,
       pg_catalog.now()::text, pg_catalog.current_setting('TimeZone'),
       (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user),
       pg_catalog.pg_is_in_recovery();
