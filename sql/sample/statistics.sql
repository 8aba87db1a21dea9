-- The values that ANALYZE kept of the columns that the inspecting role may read, as "sampled"; the oid of the
-- table stands where a document's key would.
sampled (number, path, v) AS (
    SELECT a.attnum, c.oid::text, left(u.v, 1000)
    FROM pg_catalog.pg_stats AS s
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.schemaname
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.tablename
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = s.attname
    CROSS JOIN LATERAL (
        SELECT unnest(s.most_common_vals::text::text[]) UNION ALL SELECT unnest(s.histogram_bounds::text::text[])
    ) AS u (v)
    WHERE s.schemaname NOT IN ('pg_catalog', 'information_schema') AND NOT s.inherited
)
