-- Tables, and the views of one schema ($1), with what decides about their rows.
SELECT
    c.oid::text,
    n.nspname::text,
    c.relname::text,
    c.relkind::text,
    c.relrowsecurity,
    coalesce(c.reloptions @> ARRAY['security_barrier=true'], false),
    -- asked of the oid, which never fails where the schema may not be used
    coalesce(pg_catalog.has_any_column_privilege(c.oid, 'SELECT'), false)
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE
    (c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema'))
    OR (c.relkind = 'v' AND n.nspname = $1)
ORDER BY n.nspname, c.relname;
