-- Tables, partitioned tables, views, materialized views, sequences and foreign tables; of the system's
-- own (pg_catalog) only those whose privileges differ from what initdb set (pg_init_privs).
WITH changed (oid) AS (
    SELECT c.oid
    FROM pg_catalog.pg_class AS c
    LEFT JOIN pg_catalog.pg_init_privs AS i
        ON i.classoid = 'pg_catalog.pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0
    WHERE c.oid < 16384 AND c.relacl IS DISTINCT FROM i.initprivs
    UNION
    SELECT a.attrelid
    FROM pg_catalog.pg_attribute AS a
    LEFT JOIN pg_catalog.pg_init_privs AS i
        ON i.classoid = 'pg_catalog.pg_class'::regclass AND i.objoid = a.attrelid AND i.objsubid = a.attnum
    WHERE a.attrelid < 16384 AND a.attacl IS DISTINCT FROM i.initprivs
), parents (oid, parent) AS (
    SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits WHERE inhseqno = 1
)
SELECT json_build_array(
    c.oid::bigint, n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner),
    coalesce(c.relacl, acldefault(CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r' END::"char", c.relowner))::text,
    c.relrowsecurity, c.relforcerowsecurity, c.relpersistence,
    coalesce(to_json(c.reloptions), '[]'), coalesce(e.extname, ''),
    coalesce(p.parent, 0)::bigint, c.relispartition,
    c.reltuples::float8, c.relpages, c.oid < 16384
)::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend AS d
    ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
LEFT JOIN parents AS p ON p.oid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
  AND (n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
       OR n.nspname = 'pg_catalog' AND c.oid IN (SELECT oid FROM changed))
ORDER BY n.nspname, c.relname;
