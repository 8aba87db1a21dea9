-- The databases of the cluster that take connections, and whether a role ($1, or nobody yet) may enter.
SELECT d.datname,
       EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)
       AND has_database_privilege($1::name, d.oid, 'CONNECT')
FROM pg_catalog.pg_database AS d
WHERE d.datallowconn AND d.datconnlimit <> -2
ORDER BY 1;
