-- What a session has that works on keys: nobody else's functions are found, row security hides nothing from a
-- count, what is committed is on disk, and nothing waits long for a lock.
SELECT pg_catalog.set_config(wanted.name, wanted.value, false)
FROM (VALUES
    ('search_path', 'pg_catalog, pg_temp'),
    ('default_transaction_read_only', 'off'),
    ('row_security', 'off'),
    ('synchronous_commit', 'on'),
    ('lock_timeout', '3s'),
    ('statement_timeout', '0'),
    ('idle_in_transaction_session_timeout', '60s'),
    ('client_min_messages', 'error'),
    ('jit', 'off')
) AS wanted (name, value)
WHERE wanted.name <> 'synchronous_commit' OR pg_catalog.current_setting('synchronous_commit') = 'off'
