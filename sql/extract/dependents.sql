-- What keeps a relation ($1) from being dropped: what depends on it and does not go with it.
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
ORDER BY 1;
