-- Columns of which the planner keeps values, of these tables ($1) and their indexes; by the view, which shows those
-- that this role may read.
SELECT pg_catalog.concat(pg_catalog.quote_ident(s.schemaname), '.', pg_catalog.quote_ident(s.tablename)),
       s.schemaname::text, s.tablename::text, s.attname::text, s.inherited
FROM pg_catalog.pg_stats AS s
JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.schemaname
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.tablename
WHERE (c.oid = ANY ($1::bigint[]::oid[])
       OR c.oid IN (SELECT i.indexrelid FROM pg_catalog.pg_index AS i WHERE i.indrelid = ANY ($1::bigint[]::oid[])))
    AND (s.most_common_vals IS NOT NULL OR s.histogram_bounds IS NOT NULL OR s.most_common_elems IS NOT NULL)
ORDER BY 1, 4, 5;
