-- Relations that hold rows or look like it, but for the system's.
SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text,
       pg_catalog.row_security_active(c.oid),
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),
       pg_catalog.has_table_privilege(c.oid, 'DELETE'), pg_catalog.has_table_privilege(c.oid, 'UPDATE'),
       EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r
               WHERE r.ev_class = c.oid AND r.ev_type IN ('2', '4') AND r.ev_enabled <> 'D' AND c.relkind IN ('r', 'p')),
       c.relpersistence = 't'
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
ORDER BY n.nspname, c.relname;
