-- The same where each person has a key: the row's key and its person, the person alone, and the table's name in clear.
SELECT pg_catalog.string_agg(
        pg_catalog.format('t.%I::%s', a.attname, pg_catalog.format_type(p.proargtypes[k.place::integer], -1)), ', '
        ORDER BY k.place),
    pg_catalog.max(pg_catalog.format('t.%I::%s', s.subject_column,
        pg_catalog.format_type(p.proargtypes[p.pronargs - 1], -1))),
    pg_catalog.max(s.table_schema), pg_catalog.max(s.table_name)
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_class AS c ON c.relname = $3
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = $2
JOIN pgguard.encrypted_storage AS e ON e.relation = c.oid AND e.stored_column = $4
JOIN pgguard.encrypted_column AS o ON o.id = e.id
JOIN pgguard.subject_table AS s ON (s.table_schema, s.table_name) = (o.table_schema, o.table_name)
JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::smallint[] || ARRAY[(
    SELECT w.attnum FROM pg_catalog.pg_attribute AS w WHERE w.attrelid = c.oid AND w.attname = s.subject_column
)]) WITH ORDINALITY AS k (number, place)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE p.oid = pg_catalog.to_regproc($1)
GROUP BY p.pronargs
HAVING count(*) = p.pronargs - 1
