-- The function ($1, its quoted name) that opens a column of a table ($2): whether we may call it, the type of the
-- value, and what else it is given: the columns of the primary key, each with the type that it wants.
SELECT pg_catalog.has_function_privilege(p.oid, 'EXECUTE'), p.prorettype::bigint,
       coalesce((SELECT pg_catalog.array_agg(a.attname::text ORDER BY g.place)
                 FROM pg_catalog.pg_index AS i
                 CROSS JOIN pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS g (number, place)
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = g.number
                 WHERE i.indrelid = $2::bigint::pg_catalog.oid AND i.indisprimary AND g.place <= i.indnkeyatts), '{}'),
       (SELECT coalesce(pg_catalog.array_agg(pg_catalog.format_type(t.oid, NULL) ORDER BY t.place), '{}')
        FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (oid, place) WHERE t.place > 1)
FROM pg_catalog.pg_proc AS p
WHERE p.oid = pg_catalog.to_regproc($1)::oid;
