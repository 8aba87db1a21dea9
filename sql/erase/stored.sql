-- Encrypted columns, and where they are stored now.
SELECT e.table_schema, e.table_name, e.column_name, t.oid::bigint, e.stored_column, coalesce(e.index_column, '')
FROM pgguard.encrypted_column AS e
JOIN pg_catalog.pg_namespace AS n ON n.nspname = e.table_schema
JOIN pg_catalog.pg_class AS t ON t.relnamespace = n.oid AND t.relname IN (e.storage_name, e.table_name) AND t.relkind IN ('r', 'p')
WHERE EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
              WHERE a.attrelid = t.oid AND a.attname = e.stored_column AND NOT a.attisdropped)
ORDER BY 1, 2, 3;
