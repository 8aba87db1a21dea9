-- The row's key as the function $1 takes it, which opens a stored value of the table $2.$3; no row without both.
SELECT pg_catalog.string_agg(
    pg_catalog.format('t.%I::%s', a.attname, pg_catalog.format_type(p.proargtypes[k.place::integer], NULL)), ', '
    ORDER BY k.place)
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_class AS c ON c.relname = $3
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = $2
JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (number, place)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE p.oid = pg_catalog.to_regproc($1)
GROUP BY p.pronargs
HAVING count(*) = p.pronargs - 1
