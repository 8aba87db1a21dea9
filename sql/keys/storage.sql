-- Where the values of each encrypted column are now: before the switch in the table itself, after it in its storage.
-- to_regclass would raise for a schema that we may not use. A register of an earlier version has no keys of indexes.
SELECT e.table_schema, e.table_name, e.column_name, e.key_group, c.nspname::text, c.relname::text, e.stored_column,
    coalesce(e.index_column, ''), (to_jsonb(e) ->> 'index_key')::integer,
    coalesce(to_jsonb(e) ->> 'second_column', ''), (to_jsonb(e) ->> 'second_key')::integer
FROM pgguard.encrypted_column AS e
LEFT JOIN LATERAL (
    SELECT n.nspname, t.relname FROM pg_catalog.pg_class AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attname = e.stored_column AND NOT a.attisdropped
    WHERE n.nspname = e.table_schema AND t.relname IN (e.storage_name, e.table_name) AND t.relkind IN ('r', 'p')
    ORDER BY t.relname = e.storage_name DESC LIMIT 1
) AS c ON true
ORDER BY e.table_schema, e.table_name, e.column_name
