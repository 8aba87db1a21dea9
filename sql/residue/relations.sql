-- Every relation with a file, by the path of its file; whose toast table or index it is (0: nobody's),
-- and whether values in its rows may be compressed (dropped columns count).
SELECT c.oid::bigint, pg_catalog.pg_relation_filepath(c.oid),
       pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(c.relname)),
       c.relkind, coalesce(i.indrelid, t.oid, 0)::bigint,
       EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attstorage IN ('x', 'm'))
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_class AS t ON t.reltoastrelid = c.oid AND c.relkind = 't'
WHERE pg_catalog.pg_relation_filepath(c.oid) IS NOT NULL
ORDER BY c.oid;
