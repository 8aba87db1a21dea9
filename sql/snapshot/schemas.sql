-- Schemas, without those of the system.
SELECT json_build_array(
    n.oid::bigint, n.nspname, pg_get_userbyid(n.nspowner),
    coalesce(n.nspacl, acldefault('n', n.nspowner))::text, coalesce(e.extname, '')
)::text
FROM pg_catalog.pg_namespace AS n
LEFT JOIN pg_catalog.pg_depend AS d
    ON d.classid = 'pg_catalog.pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
ORDER BY n.nspname;
