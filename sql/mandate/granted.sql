-- What a role ($1) is granted by name in this database, and on the database: keyword, schema, name.
SELECT DISTINCT
       CASE d.classid WHEN 'pg_catalog.pg_class'::regclass THEN 'TABLE'
                      WHEN 'pg_catalog.pg_namespace'::regclass THEN 'SCHEMA' ELSE 'DATABASE' END,
       coalesce(cn.nspname, ''), coalesce(c.relname, n.nspname, b.datname)
FROM pg_catalog.pg_shdepend AS d
LEFT JOIN pg_catalog.pg_class AS c ON d.classid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objid
LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_namespace AS n ON d.classid = 'pg_catalog.pg_namespace'::regclass AND n.oid = d.objid
LEFT JOIN pg_catalog.pg_database AS b ON d.classid = 'pg_catalog.pg_database'::regclass AND b.oid = d.objid
WHERE d.deptype = 'a' AND d.refclassid = 'pg_catalog.pg_authid'::regclass
  AND d.refobjid = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1)
  AND (d.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) OR d.dbid = 0)
  AND coalesce(c.relname, n.nspname, b.datname) IS NOT NULL
ORDER BY 1, 2, 3;
