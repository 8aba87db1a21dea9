-- The encrypted columns, where they are stored now, and whether a column of the old name is there.
SELECT e.table_schema, e.table_name, e.column_name, coalesce(s.relation::oid, 0)::bigint,
       coalesce(n.nspname::text, ''), coalesce(c.relname::text, ''), e.stored_column, coalesce(a.atttypid, 0)::bigint
FROM pgguard.encrypted_column AS e
JOIN pgguard.encrypted_storage AS s ON s.id = e.id
LEFT JOIN pg_catalog.pg_class AS c
    ON c.oid = s.relation AND c.relkind IN ('r', 'p')
    AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS t
                WHERE t.attrelid = c.oid AND t.attname = e.stored_column AND NOT t.attisdropped)
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = c.oid AND a.attname = e.column_name AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY 1, 2, 3;
