-- The columns of a relation ($1), their types, and whether the role may read them.
SELECT
    a.attname::text,
    pg_catalog.format_type(a.atttypid, a.atttypmod),
    coalesce(pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT'), false)
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = $1::text::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;
