-- Where the values of each encrypted column are now.
SELECT e.table_schema, e.table_name, e.column_name, e.key_group, n.nspname::text, c.relname::text, e.stored_column,
    coalesce(e.index_column, '')
FROM pgguard.encrypted_column AS e
LEFT JOIN pgguard.encrypted_storage AS s ON s.id = e.id
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = s.relation
    AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attname = e.stored_column AND NOT a.attisdropped)
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY e.table_schema, e.table_name, e.column_name
