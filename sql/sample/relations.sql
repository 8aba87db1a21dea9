-- The relations that may be looked at, whether the inspecting role gets at them and past row security, and of
-- those with partitions or inheriting tables how many there are, whether one is a foreign table, and which
-- is the largest. Nothing here waits for a lock on a table.
WITH RECURSIVE below (top, oid) AS (
    SELECT i.inhparent, i.inhrelid FROM pg_catalog.pg_inherits AS i
    UNION
    SELECT b.top, i.inhrelid FROM below AS b JOIN pg_catalog.pg_inherits AS i ON i.inhparent = b.oid
), parts (top, parts, is_foreign, largest) AS (
    SELECT b.top, count(*) FILTER (WHERE c.relkind <> 'p'), bool_or(c.relkind = 'f'),
           (array_agg(c.oid ORDER BY c.reltuples DESC, c.oid) FILTER (WHERE c.relkind = 'r'))[1]
    FROM below AS b
    JOIN pg_catalog.pg_class AS c ON c.oid = b.oid
    GROUP BY b.top
)
SELECT json_build_array(
    c.oid::bigint, n.nspname, c.relname,
    has_schema_privilege(n.oid, 'USAGE'), row_security_active(c.oid),
    coalesce(p.parts, 0), coalesce(p.is_foreign, false),
    coalesce(l.oid, 0)::bigint, coalesce(m.nspname, ''), coalesce(l.relname, '')
)::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN parts AS p ON p.top = c.oid
LEFT JOIN pg_catalog.pg_class AS l ON l.oid = p.largest
LEFT JOIN pg_catalog.pg_namespace AS m ON m.oid = l.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND c.oid >= 16384
  AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
ORDER BY c.oid;
