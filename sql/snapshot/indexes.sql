-- Indexes of user tables; a column number of 0 stands for an expression.
SELECT json_build_array(
    i.indexrelid::bigint, i.indrelid::bigint, c.relname, i.indisunique, i.indisprimary,
    to_json(i.indkey::int2[]), i.indpred IS NOT NULL
)::text
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
ORDER BY i.indrelid, c.relname;
