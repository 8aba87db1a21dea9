-- What is wrong with a mandate's role ($1) itself: a row for each thing that it should not be or have.
SELECT 'it is a superuser' FROM pg_catalog.pg_roles WHERE rolname = $1 AND rolsuper
UNION ALL
SELECT 'it passes row security by' FROM pg_catalog.pg_roles WHERE rolname = $1 AND rolbypassrls
UNION ALL
SELECT 'it may make roles, databases or replicate' FROM pg_catalog.pg_roles
WHERE rolname = $1 AND (rolcreaterole OR rolcreatedb OR rolreplication)
UNION ALL
SELECT 'it may have more than one connection' FROM pg_catalog.pg_roles
WHERE rolname = $1 AND rolconnlimit <> 1
UNION ALL
SELECT 'there is no such role' WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)
UNION ALL
SELECT 'it is a member of ' || quote_ident(g.rolname)
FROM pg_catalog.pg_auth_members AS m
JOIN pg_catalog.pg_roles AS r ON r.oid = m.member
JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid
WHERE r.rolname = $1
UNION ALL
SELECT DISTINCT 'it owns objects in ' || coalesce(quote_ident(b.datname), 'the cluster')
FROM pg_catalog.pg_shdepend AS d
JOIN pg_catalog.pg_roles AS r ON r.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_authid'::regclass
LEFT JOIN pg_catalog.pg_database AS b ON b.oid = d.dbid
WHERE r.rolname = $1 AND d.deptype = 'o';
