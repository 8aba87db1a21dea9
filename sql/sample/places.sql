-- Where values stand in the columns: in the column itself, in the elements of an array ([]), in the fields of
-- a composite type (.name), through domains. The kind tells how they are looked at: text, bytes, json,
-- document (its length only), none (nothing to be told), other. Other types are left alone: whoever owns one
-- can give it a cast, and a cast is a function that would run with the rights of the inspecting role. A type
-- that is text but for its name (citext) needs no function.
WITH RECURSIVE places (relation, number, name, steps, type, depth) AS (
    SELECT a.attrelid, a.attnum, a.attname, '{}'::text[] COLLATE "C", a.atttypid, 0
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND c.oid >= 16384
      AND a.attnum > 0 AND NOT a.attisdropped
      AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT p.relation, p.number, p.name, p.steps || next.step, next.type, p.depth + 1
    FROM places AS p
    JOIN pg_catalog.pg_type AS t ON t.oid = p.type
    CROSS JOIN LATERAL (
        SELECT '{}'::text[] COLLATE "C", t.typbasetype WHERE t.typtype = 'd'
        UNION ALL
        SELECT '{[]}'::text[] COLLATE "C", e.oid FROM pg_catalog.pg_type AS e WHERE e.oid = t.typelem AND e.typarray = t.oid
        UNION ALL
        SELECT ARRAY['.' || f.attname] COLLATE "C", f.atttypid
        FROM pg_catalog.pg_attribute AS f
        WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped
    ) AS next (step, type)
    WHERE p.depth < 6
)
SELECT json_build_array(
    p.relation::bigint, p.number, p.name, to_json(p.steps),
    CASE WHEN t.oid IN ('json'::regtype, 'jsonb'::regtype) THEN 'json'
         WHEN t.oid = 'bytea'::regtype THEN 'bytes'
         WHEN t.oid = 'xml'::regtype THEN 'document'
         WHEN t.typtype = 'e' OR t.typcategory IN ('B', 'G', 'P') THEN 'none'
         WHEN t.oid IN ('real'::regtype, 'double precision'::regtype, 'tsvector'::regtype, 'tsquery'::regtype)
             THEN 'none'
         WHEN t.oid < 16384 THEN 'text'
         WHEN EXISTS (SELECT FROM pg_catalog.pg_cast AS k
                      WHERE k.castsource = t.oid AND k.casttarget = 'text'::regtype AND k.castmethod = 'b')
             THEN 'text'
         ELSE 'other' END,
    has_column_privilege(p.relation, p.number, 'SELECT')
)::text
FROM places AS p
JOIN pg_catalog.pg_type AS t ON t.oid = p.type
WHERE t.typtype NOT IN ('d', 'c')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS e WHERE e.oid = t.typelem AND e.typarray = t.oid)
ORDER BY p.relation, p.number, p.steps;
