-- Tables that look like partitions of the store and are none.
SELECT pg_catalog.format('pgguard_audit.%I', c.relname) FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'pgguard_audit' AND c.relkind IN ('r', 'f') AND c.relname LIKE 'entry\_%' AND NOT c.relispartition
ORDER BY c.relname
