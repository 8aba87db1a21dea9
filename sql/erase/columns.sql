-- The columns of these relations ($1: oids).
WITH RECURSIVE base (type, below, oid) AS (
    SELECT t.oid, t.typbasetype, t.oid FROM pg_catalog.pg_type AS t
    UNION ALL
    SELECT b.type, t.typbasetype, t.oid FROM base AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.below WHERE b.below <> 0
)
SELECT a.attrelid::bigint, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
       pg_catalog.format_type(b.oid, NULL), a.attnotnull OR EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.oid = a.atttypid AND t.typnotnull),
       EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
               WHERE k.conrelid = a.attrelid AND k.contype IN ('p', 'u', 'f', 'x') AND a.attnum = ANY (k.conkey))
       OR EXISTS (SELECT FROM pg_catalog.pg_index AS i
                  WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY (i.indkey::smallint[])),
       a.attidentity <> 'a'
FROM pg_catalog.pg_attribute AS a
JOIN base AS b ON b.type = a.atttypid AND b.below = 0
WHERE a.attrelid = ANY ($1::bigint[]::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum;
