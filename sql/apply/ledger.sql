-- The ledger in this database: is it there, can it be trusted, what may we do with it.
-- Somebody else's table could run somebody else's code when we write to it: triggers, rules, defaults.
SELECT
    n.oid IS NOT NULL,
    c.oid IS NOT NULL,
    CASE
        WHEN n.oid IS NOT NULL AND NOT (owner_n.rolsuper OR owner_n.rolname = session_user)
            THEN 'schema pgguard belongs to ' || pg_catalog.quote_ident(owner_n.rolname)
        WHEN c.oid IS NOT NULL AND NOT (owner_c.rolsuper OR owner_c.rolname = session_user)
            THEN 'pgguard.migration belongs to ' || pg_catalog.quote_ident(owner_c.rolname)
        ELSE ''
    END,
    coalesce(c.relkind <> 'r' OR c.relhasrules OR c.relhastriggers OR c.relrowsecurity, false),
    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
    coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false),
    coalesce(pg_catalog.has_schema_privilege(n.oid, 'CREATE'), false),
    coalesce(pg_catalog.has_table_privilege(c.oid, 'SELECT'), false),
    coalesce(pg_catalog.has_table_privilege(c.oid, 'INSERT'), false)
FROM (SELECT) AS one
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'pgguard'
LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'migration'
LEFT JOIN pg_catalog.pg_roles AS owner_n ON owner_n.oid = n.nspowner
LEFT JOIN pg_catalog.pg_roles AS owner_c ON owner_c.oid = c.relowner
