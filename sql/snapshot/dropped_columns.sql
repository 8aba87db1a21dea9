-- Tables that columns were dropped of, whose values stay in the rows until the table is written anew. The number
-- of the file grows with every rewriting, and so do the oids of what is made (manual, 73.1).
SELECT json_build_array(
    c.oid::bigint, json_agg(a.attnum ORDER BY a.attnum), pg_relation_filenode(c.oid)::bigint
)::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND a.attnum > 0 AND a.attisdropped
  AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
GROUP BY c.oid
ORDER BY c.oid;
