-- For batches: a few rows are looked up by their places and by indexes, for a plan for many would read whole tables
-- while it holds rows; and it never waits for long while it holds any.
SELECT pg_catalog.set_config(wanted.name, wanted.value, false)
FROM (VALUES
    ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'), ('lock_timeout', '20ms')
) AS wanted (name, value);
