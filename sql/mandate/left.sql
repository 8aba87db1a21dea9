-- What this database has of a mandate: $1 its role, $2 its schema, $3 the comment of its own, $4 to $6 its
-- policies. Row: kind (view, schema, policy, others, right), schema, name, table, whether more than the
-- mandate's own policies are on the table.
SELECT 'view', n.nspname, c.relname, '', false
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $2 AND c.relkind = 'v' AND obj_description(n.oid, 'pg_namespace') = $3
UNION ALL
SELECT 'schema', n.nspname, n.nspname, '', false
FROM pg_catalog.pg_namespace AS n
WHERE n.nspname = $2 AND obj_description(n.oid, 'pg_namespace') = $3
UNION ALL
SELECT CASE WHEN p.polname = $6 THEN 'others' ELSE 'policy' END, n.nspname, p.polname, c.relname,
       EXISTS (SELECT FROM pg_catalog.pg_policy AS o
               WHERE o.polrelid = p.polrelid AND o.polname NOT IN ($4, $5, $6))
FROM pg_catalog.pg_policy AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE p.polname IN ($4, $5, $6)
  AND left(obj_description(p.oid, 'pg_policy') || ' ', length($3) + 1) = $3 || ' '
UNION ALL
SELECT 'right', '', '', '', false
WHERE EXISTS (
    SELECT FROM pg_catalog.pg_shdepend AS d
    WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass
      AND d.refobjid = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1)
      AND d.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
ORDER BY 1 DESC, 2, 3, 4;
