-- Which of the rights that statements need the current role has not; what is not there is left out.
SELECT need.kind, need.name, need.schema
FROM ROWS FROM (
    pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[])
) AS need (kind, name, schema)
CROSS JOIN (
    SELECT r.oid, r.rolsuper, r.rolcreaterole FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user
) AS me
WHERE NOT me.rolsuper AND CASE WHEN EXISTS (
    -- names in it cannot be looked up then
    SELECT FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname = need.schema AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
) THEN true ELSE CASE need.kind
    WHEN 'superuser' THEN true
    WHEN 'createrole' THEN NOT me.rolcreaterole
    WHEN 'call' THEN NOT pg_catalog.has_function_privilege(pg_catalog.to_regprocedure(need.name), 'EXECUTE')
    -- from 16 on CREATEROLE reaches only roles that one administers
    WHEN 'role' THEN EXISTS (
        SELECT FROM pg_catalog.pg_roles AS r
        WHERE r.rolname = need.name AND (
            r.rolsuper OR NOT me.rolcreaterole OR (
                pg_catalog.current_setting('server_version_num')::integer >= 160000
                AND NOT pg_catalog.pg_has_role(r.oid, 'USAGE WITH ADMIN OPTION')
            )
        )
    )
    WHEN 'admin' THEN EXISTS (
        SELECT FROM pg_catalog.pg_roles AS r
        WHERE r.rolname = need.name AND NOT pg_catalog.pg_has_role(r.oid, 'USAGE WITH ADMIN OPTION') AND (
            r.rolsuper OR NOT me.rolcreaterole
            OR pg_catalog.current_setting('server_version_num')::integer >= 160000
        )
    )
    WHEN 'member' THEN EXISTS (
        SELECT FROM pg_catalog.pg_roles AS r
        WHERE r.rolname = need.name AND NOT pg_catalog.pg_has_role(r.oid, 'USAGE')
    )
    WHEN 'table' THEN EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        WHERE c.oid = pg_catalog.to_regclass(need.name) AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
    )
    WHEN 'function' THEN EXISTS (
        SELECT FROM pg_catalog.pg_proc AS p
        WHERE p.oid = pg_catalog.to_regprocedure(need.name) AND NOT pg_catalog.pg_has_role(p.proowner, 'USAGE')
    )
    WHEN 'schema' THEN EXISTS (
        SELECT FROM pg_catalog.pg_namespace AS n
        WHERE n.oid = pg_catalog.to_regnamespace(need.name) AND NOT pg_catalog.pg_has_role(n.nspowner, 'USAGE')
    )
    WHEN 'database' THEN EXISTS (
        SELECT FROM pg_catalog.pg_database AS d
        WHERE d.datname = need.name AND NOT pg_catalog.pg_has_role(d.datdba, 'USAGE')
    )
    -- GRANT and REVOKE: the owner, or who has a grant option
    WHEN 'grant table' THEN EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        WHERE c.oid = pg_catalog.to_regclass(need.name) AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
            AND NOT EXISTS (
                SELECT FROM pg_catalog.aclexplode(c.relacl) AS e
                WHERE e.is_grantable AND e.grantee <> 0 AND pg_catalog.pg_has_role(e.grantee, 'USAGE')
            )
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_attribute AS a, LATERAL pg_catalog.aclexplode(a.attacl) AS e
                WHERE a.attrelid = c.oid AND e.is_grantable AND e.grantee <> 0
                    AND pg_catalog.pg_has_role(e.grantee, 'USAGE')
            )
    )
    WHEN 'grant function' THEN EXISTS (
        SELECT FROM pg_catalog.pg_proc AS p
        WHERE p.oid = pg_catalog.to_regprocedure(need.name) AND NOT pg_catalog.pg_has_role(p.proowner, 'USAGE')
            AND NOT EXISTS (
                SELECT FROM pg_catalog.aclexplode(p.proacl) AS e
                WHERE e.is_grantable AND e.grantee <> 0 AND pg_catalog.pg_has_role(e.grantee, 'USAGE')
            )
    )
    WHEN 'grant schema' THEN EXISTS (
        SELECT FROM pg_catalog.pg_namespace AS n
        WHERE n.oid = pg_catalog.to_regnamespace(need.name) AND NOT pg_catalog.pg_has_role(n.nspowner, 'USAGE')
            AND NOT EXISTS (
                SELECT FROM pg_catalog.aclexplode(n.nspacl) AS e
                WHERE e.is_grantable AND e.grantee <> 0 AND pg_catalog.pg_has_role(e.grantee, 'USAGE')
            )
    )
    WHEN 'grant database' THEN EXISTS (
        SELECT FROM pg_catalog.pg_database AS d
        WHERE d.datname = need.name AND NOT pg_catalog.pg_has_role(d.datdba, 'USAGE')
            AND NOT EXISTS (
                SELECT FROM pg_catalog.aclexplode(d.datacl) AS e
                WHERE e.is_grantable AND e.grantee <> 0 AND pg_catalog.pg_has_role(e.grantee, 'USAGE')
            )
    )
    ELSE false
END END
ORDER BY 1, 2, 3
