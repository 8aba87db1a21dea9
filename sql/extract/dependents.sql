-- What keeps a relation ($1) from being dropped together with others ($2): what depends on it and stays.
WITH RECURSIVE gone (oid) AS (
    SELECT o::pg_catalog.oid FROM pg_catalog.unnest($2::text[]) AS o
    UNION
    SELECT i.inhrelid FROM gone AS g INNER JOIN pg_catalog.pg_inherits AS i ON g.oid = i.inhparent
)
SELECT DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, 0)
FROM pg_catalog.pg_depend AS d
WHERE
    d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = $1::text::pg_catalog.oid
    AND d.deptype = 'n'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS own
        WHERE own.classid = d.classid AND own.objid = d.objid AND own.refobjid = d.refobjid AND own.deptype IN ('a', 'i')
    )
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS k INNER JOIN gone AS g ON k.conrelid = g.oid
        WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
    )
ORDER BY 1;
