-- Whether pg_stat_statements is here.
SELECT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pg_stat_statements');
