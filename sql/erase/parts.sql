-- Partitions and tables that inherit, and of what.
SELECT i.inhrelid::bigint, i.inhparent::bigint, c.relispartition
FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
WHERE c.relkind IN ('r', 'p', 'f')
ORDER BY i.inhrelid, i.inhseqno;
