-- Extended statistics of these tables ($1): the kinds that hold values.
SELECT pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(s.stxname))
FROM pg_catalog.pg_statistic_ext AS s JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace
WHERE s.stxrelid = ANY ($1::bigint[]::oid[]) AND s.stxkind && ARRAY['m', 'e']::"char"[]
ORDER BY 1;
