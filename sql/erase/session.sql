-- What a session of an erasure has: nobody else's functions are found, and row security never hides a row
-- silently (it is an error).
SELECT pg_catalog.set_config(wanted.name, wanted.value, false)
FROM (VALUES
    ('search_path', 'pg_catalog'),
    ('quote_all_identifiers', 'off'),
    ('row_security', 'off'),
    ('jit', 'off'),
    ('client_min_messages', 'error'),
    ('lock_timeout', '5s'),
    ('statement_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0'),
    ('max_parallel_workers_per_gather', '0'),
    -- what a crash takes away is done again; the run ends with a commit that is on disk
    ('synchronous_commit', 'off'),
    ('DateStyle', 'ISO, YMD')
) AS wanted (name, value)
JOIN pg_catalog.pg_settings AS known ON known.name = wanted.name;
