-- Where the rows of a relation ($1) lie: its files by path below the data directory, those of its partitions too.
WITH RECURSIVE parts (oid) AS (
    SELECT $1::text::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM parts AS p INNER JOIN pg_catalog.pg_inherits AS i ON p.oid = i.inhparent
)
SELECT
    coalesce(pg_catalog.string_agg(pg_catalog.pg_relation_filepath(p.oid), ', ' ORDER BY p.oid), ''),
    coalesce(pg_catalog.sum(pg_catalog.pg_total_relation_size(p.oid)), 0)::bigint
FROM parts AS p;
