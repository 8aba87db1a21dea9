-- Where keys are to be kept: what is there, and what we may do.
SELECT pg_catalog.current_database()::text, current_user::text, pg_catalog.pg_is_in_recovery(),
    EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'pgguard' AND c.relname = 'installation' AND c.relkind = 'r'),
    coalesce((SELECT pg_catalog.pg_has_role(r.oid, 'USAGE') FROM pg_catalog.pg_roles AS r
        WHERE r.rolname = 'pgguard_keys'), false),
    (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user)
