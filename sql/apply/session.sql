-- What a session has that applies migrations: nobody else's functions are found, nothing is waited for long,
-- and no query over the catalogs is compiled, which takes seconds where it takes milliseconds to run.
SELECT pg_catalog.set_config(wanted.name, wanted.value, false)
FROM (VALUES
    ('search_path', 'pg_catalog'),
    ('quote_all_identifiers', 'off'),
    ('row_security', 'on'),
    ('jit', 'off'),
    ('client_min_messages', 'error'),
    ('lock_timeout', '3s'),
    ('statement_timeout', '60s'),
    ('idle_in_transaction_session_timeout', '120s'),
    ('idle_session_timeout', '0'),
    ('tcp_keepalives_idle', '20'),
    ('tcp_keepalives_interval', '10'),
    ('tcp_keepalives_count', '3')
) AS wanted (name, value)
JOIN pg_catalog.pg_settings AS known ON known.name = wanted.name
UNION ALL
-- what is told to be applied is on disk
SELECT pg_catalog.set_config('synchronous_commit', 'on', false)
WHERE pg_catalog.current_setting('synchronous_commit') = 'off'
