-- Since when the store records, the oldest time that partitions of it are for, and how many bytes have no partition
-- of their time.
SELECT (SELECT i.created_at FROM pgguard_audit.since() AS i (created_at)), pg_catalog.min(b.first),
    pg_catalog.sum(pg_catalog.pg_relation_size(b.part)) FILTER (WHERE b.first IS NULL)
FROM pgguard_audit.part_bounds() AS b
