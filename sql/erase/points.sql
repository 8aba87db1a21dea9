-- For batches: a few rows are looked up by their places and by indexes; a plan for many would read whole tables
-- while it holds rows.
SELECT pg_catalog.set_config(wanted.name, 'off', false)
FROM (VALUES ('enable_seqscan'), ('enable_hashjoin'), ('enable_mergejoin')) AS wanted (name);
