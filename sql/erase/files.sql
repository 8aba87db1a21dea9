-- The files of tables ($1): number of the main file, bytes of rows, of TOAST, of indexes.
SELECT c.oid::bigint, coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)::bigint,
       coalesce(pg_catalog.pg_relation_size(c.oid), 0),
       CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE coalesce(pg_catalog.pg_relation_size(c.reltoastrelid), 0) END,
       coalesce(pg_catalog.pg_indexes_size(c.oid), 0)
       + CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE coalesce(pg_catalog.pg_indexes_size(c.reltoastrelid), 0) END
FROM pg_catalog.pg_class AS c WHERE c.oid = ANY ($1::bigint[]::oid[]) ORDER BY c.oid;
