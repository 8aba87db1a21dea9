-- The schema of pg_stat_statements in this database; pg_catalog where it is not installed.
SELECT coalesce((SELECT n.nspname
                 FROM pg_catalog.pg_extension AS e
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
                 WHERE e.extname = 'pg_stat_statements'), 'pg_catalog') AS statements_schema;
