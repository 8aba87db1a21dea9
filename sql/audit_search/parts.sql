-- The partitions of the store: from, to and bytes; that without a time takes what has no other.
SELECT b.first, b.last, pg_catalog.pg_relation_size(b.part) FROM pgguard_audit.part_bounds() AS b
