-- The tables of this database that have a child which inherits from another table first.
SELECT DISTINCT n.nspname, c.relname
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhparent
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE i.inhseqno > 1 AND c.relkind IN ('r', 'p', 'f')
ORDER BY 1, 2;
