-- What ANALYZE kept of the columns that the inspecting role may read: the most common values and the bounds of
-- histograms, each once; the places of the columns come from "chosen" (relation, number, kind). Of a table with
-- children the statistics over all of them are taken.
SELECT c.relation, c.number, ''::text AS path, c.kind,
       CASE c.kind WHEN 'text' THEN left(u.value, 1000)
                   WHEN 'bytes' THEN left(substr(u.value, 3), 128)
                   ELSE left(u.value, 1000) END AS value
FROM chosen AS c
JOIN pg_catalog.pg_class AS r ON r.oid = c.relation::oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = c.number AND NOT a.attisdropped
JOIN pg_catalog.pg_stats AS s
    ON s.schemaname = n.nspname AND s.tablename = r.relname AND s.attname = a.attname
    AND s.inherited = EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = r.oid)
CROSS JOIN LATERAL (
    SELECT unnest(s.most_common_vals::text::text[])
    UNION ALL
    SELECT unnest(s.histogram_bounds::text::text[])
) AS u (value);
