-- The history as it is found: is it there, how many of its tables, whose they are, what would run on a write.
SELECT
    n.oid IS NOT NULL,
    count(c.oid) FILTER (WHERE c.relkind = 'r')::integer,
    coalesce(bool_and(owner_n.rolsuper OR owner_n.rolname = session_user)
        AND bool_and(c.oid IS NULL OR owner_c.rolsuper OR owner_c.rolname = session_user), true),
    coalesce(bool_or(c.relkind <> 'r' OR c.relhasrules OR c.relhastriggers OR c.relrowsecurity), false)
FROM (SELECT) AS one
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'pgguard_history'
LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid
    AND c.relname IN ('version', 'run', 'issue', 'event', 'check_state', 'note')
LEFT JOIN pg_catalog.pg_roles AS owner_n ON owner_n.oid = n.nspowner
LEFT JOIN pg_catalog.pg_roles AS owner_c ON owner_c.oid = c.relowner
GROUP BY n.oid
