-- A look at rows for a nightly check: bounded in time, and waiting for nobody.
SELECT pg_catalog.set_config(wanted.name, wanted.value, true)
FROM (VALUES
    ('search_path', 'pg_catalog'),
    ('row_security', 'off'),
    ('jit', 'off'),
    ('lock_timeout', '1s'),
    ('statement_timeout', '15s'),
    ('max_parallel_workers_per_gather', '0'),
    ('DateStyle', 'ISO, YMD')
) AS wanted (name, value)
JOIN pg_catalog.pg_settings AS known ON known.name = wanted.name;
