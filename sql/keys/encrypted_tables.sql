-- The tables with encrypted columns: schema and name as they were in clear, where the rows are now, and the tables
-- that hold them: its partitions, none when it is not partitioned.
SELECT c.table_schema, c.table_name, s.relation::text,
    ARRAY(
        SELECT p.relid::regclass::text FROM pg_catalog.pg_partition_tree(s.relation) AS p
        JOIN pg_catalog.pg_class AS l ON l.oid = p.relid
        WHERE p.isleaf AND l.relkind = 'r' ORDER BY 1
    )
FROM pgguard.encrypted_column AS c JOIN pgguard.encrypted_storage AS s ON s.id = c.id
WHERE s.relation IS NOT NULL
GROUP BY c.table_schema, c.table_name, s.relation
ORDER BY c.table_schema, c.table_name
