-- Settings of a session that seals or verifies: no timeouts; a seal is on disk before it is anchored; entries are found
-- by their index, though there may be no statistics of a new partition.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),
    pg_catalog.set_config('statement_timeout', '0', false),
    pg_catalog.set_config('enable_seqscan', 'off', false),
    pg_catalog.set_config('jit', 'off', false),
    pg_catalog.set_config('idle_in_transaction_session_timeout', '0', false),
    CASE WHEN pg_catalog.current_setting('synchronous_commit') IN ('off', 'local')
        THEN pg_catalog.set_config('synchronous_commit', 'on', false) END
