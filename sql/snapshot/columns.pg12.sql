-- Columns of tables and views; of the system's own only those with privileges that initdb did not set.
SELECT json_build_array(
    a.attrelid::bigint, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.atthasdef, a.attgenerated, a.attidentity, coalesce(a.attacl::text, '')
)::text
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
       OR c.oid < 16384 AND a.attacl IS NOT NULL AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_init_privs AS i
              WHERE i.classoid = 'pg_catalog.pg_class'::regclass AND i.objoid = a.attrelid
                AND i.objsubid = a.attnum AND i.initprivs = a.attacl))
ORDER BY a.attrelid, a.attnum;
