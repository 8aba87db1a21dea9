-- How our own connection came in: the login, the database, the address (none: by the socket).
SELECT session_user::text, current_database()::text, host(inet_client_addr()),
       has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE'),
       has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE');
