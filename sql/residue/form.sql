-- How values of a type ($1) are stored, by what is below all domains; ? before its name: not in a way that can be
-- looked for. No row for 0.
WITH RECURSIVE below (oid, base) AS (
    SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type AS t WHERE t.oid = $1::bigint::pg_catalog.oid
    UNION ALL
    SELECT t.oid, t.typbasetype FROM below AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.base
)
SELECT CASE
    WHEN t.typname IN ('bytea', 'uuid', 'int8', 'timestamp', 'timestamptz', 'numeric', 'jsonb') AND t.oid < 16384
        THEN t.typname::text
    WHEN t.typname IN ('_text', '_varchar', '_bpchar') AND t.oid < 16384 THEN 'array'
    WHEN t.typname IN ('text', 'varchar', 'bpchar', 'name', 'json', 'xml') AND t.oid < 16384
        -- citext and its kin: text byte by byte
        OR EXISTS (SELECT FROM pg_catalog.pg_cast AS k
                   WHERE k.castsource = t.oid AND k.casttarget = 'pg_catalog.text'::pg_catalog.regtype
                     AND k.castmethod = 'b') THEN 'text'
    ELSE '?' || pg_catalog.format_type(t.oid, NULL) END
FROM below AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.oid
WHERE b.base = 0;
