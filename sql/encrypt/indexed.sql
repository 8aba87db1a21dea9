-- The blind indexes of a database: where they are, which key each is made with (NULL: the current one of its group),
-- the keys of its group, and the second index column while a key is replaced. Databases that were prepared by an
-- earlier version do not have all columns of the register.
SELECT e.table_schema, e.table_name, e.column_name, e.key_group, e.storage_name, e.index_column,
    (to_jsonb(e) ->> 'index_key')::integer, c.id, n.id, coalesce(to_jsonb(e) ->> 'second_column', '')
FROM pgguard.encrypted_column AS e
LEFT JOIN pgguard.key AS c ON c.key_group = e.key_group AND c.purpose = 'index' AND c.state = 'current'
LEFT JOIN pgguard.key AS n ON n.key_group = e.key_group AND n.purpose = 'index' AND n.state = 'next'
WHERE e.index_column IS NOT NULL
ORDER BY e.table_schema, e.table_name, e.column_name;
