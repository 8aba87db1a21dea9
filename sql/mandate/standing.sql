-- What this database has of a mandate: $1 its role, $2 its schema, $3 how the comments on its own begin.
SELECT r.oid IS NOT NULL,
       coalesce(starts.role, false),
       n.oid IS NOT NULL,
       coalesce(starts.schema, false)
FROM (VALUES (1)) AS one (row)
LEFT JOIN pg_catalog.pg_roles AS r ON r.rolname = $1
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = $2
CROSS JOIN LATERAL (
    SELECT left(shobj_description(r.oid, 'pg_authid') || ':', length($3) + 1) = $3 || ':',
           obj_description(n.oid, 'pg_namespace') = $3
) AS starts (role, schema);
