-- A table with its partitions and inheriting tables, at any depth, and the bytes of each. $1 is its oid.
WITH RECURSIVE parts (oid) AS (
    SELECT $1::bigint::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM parts JOIN pg_catalog.pg_inherits AS i ON i.inhparent = parts.oid
)
SELECT oid::bigint, coalesce(pg_catalog.pg_relation_size(oid), 0) FROM parts ORDER BY oid;
