-- The tables that share the keys of their persons with the table $1: where they are stored, the column that tells whose
-- a row is, its type, and of the encrypted columns the clear, the sealed and the index ones.
SELECT t.table_schema, t.table_name, t.subject_column, n.nspname::text, c.relname::text,
    pg_catalog.format_type(a.atttypid, -1),
    ARRAY(SELECT e.column_name FROM pgguard.encrypted_column AS e
        WHERE (e.table_schema, e.table_name) = (t.table_schema, t.table_name) ORDER BY 1),
    ARRAY(SELECT e.stored_column FROM pgguard.encrypted_column AS e
        WHERE (e.table_schema, e.table_name) = (t.table_schema, t.table_name) ORDER BY 1),
    -- the second one while an index key is replaced, where the register knows of such
    ARRAY(SELECT i.name FROM pgguard.encrypted_column AS e
        CROSS JOIN LATERAL (VALUES (e.index_column), (pg_catalog.to_jsonb(e) ->> 'second_column')) AS i (name)
        WHERE (e.table_schema, e.table_name) = (t.table_schema, t.table_name) AND i.name IS NOT NULL ORDER BY 1)
FROM pgguard.subject_table AS t
LEFT JOIN LATERAL (
    SELECT s.relation FROM pgguard.encrypted_storage AS s JOIN pgguard.encrypted_column AS e ON e.id = s.id
    WHERE (e.table_schema, e.table_name) = (t.table_schema, t.table_name) LIMIT 1
) AS s ON true
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = s.relation
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = t.subject_column AND NOT a.attisdropped
WHERE t.kind = (SELECT o.kind FROM pgguard.subject_table AS o
    WHERE pg_catalog.format('%I.%I', o.table_schema, o.table_name) = $1)
ORDER BY t.table_schema, t.table_name
