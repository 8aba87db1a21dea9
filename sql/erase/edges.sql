-- Foreign keys.
SELECT k.conname::text, k.conrelid::bigint,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (n, place)
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.place),
       k.confrelid::bigint,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u (n, place)
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.place),
       ARRAY(SELECT pg_catalog.concat('OPERATOR(', pg_catalog.quote_ident(n.nspname), '.', o.oprname, ')')
             FROM pg_catalog.unnest(k.conpfeqop) WITH ORDINALITY AS u (o, place)
             JOIN pg_catalog.pg_operator AS o ON o.oid = u.o
             JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace ORDER BY u.place),
       k.confdeltype::text, k.condeferrable,
       NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                   WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) AND a.attnotnull),
       EXISTS (SELECT FROM pg_catalog.pg_index AS i
               WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
                   AND (i.indkey::smallint[])[0:pg_catalog.cardinality(k.conkey) - 1] @> k.conkey)
FROM pg_catalog.pg_constraint AS k
WHERE k.contype = 'f'
ORDER BY k.conrelid, k.conname;
