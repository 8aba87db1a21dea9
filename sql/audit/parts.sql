-- The partitions of the store, by size.
SELECT t.relid::bigint, pg_catalog.pg_relation_size(t.relid) FROM pg_catalog.pg_partition_tree('pgguard_audit.entry') AS t
WHERE t.isleaf
