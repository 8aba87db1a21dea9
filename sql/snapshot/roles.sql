-- Roles and their attributes; pg_roles shows no password.
SELECT json_build_array(
    oid::bigint, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
    rolreplication, rolbypassrls, rolconnlimit,
    CASE WHEN isfinite(rolvaliduntil)
         THEN to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
         ELSE '' END,
    oid = 10,
    rolname LIKE 'pg\_%' AND oid < 16384
)::text
FROM pg_catalog.pg_roles
ORDER BY rolname;
