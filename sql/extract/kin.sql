-- The relations above and below a relation ($1) by inheritance or as partitions, by SQL name.
WITH RECURSIVE above (oid) AS (
    SELECT $1::text::pg_catalog.oid
    UNION
    SELECT i.inhparent FROM above AS a INNER JOIN pg_catalog.pg_inherits AS i ON a.oid = i.inhrelid
), below (oid) AS (
    SELECT $1::text::pg_catalog.oid
    UNION
    SELECT i.inhrelid FROM below AS b INNER JOIN pg_catalog.pg_inherits AS i ON b.oid = i.inhparent
)
SELECT n.nspname::text, c.relname::text
FROM (SELECT oid FROM above UNION SELECT oid FROM below) AS k
INNER JOIN pg_catalog.pg_class AS c ON k.oid = c.oid
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE c.oid <> $1::text::pg_catalog.oid
ORDER BY 1, 2;
