-- Whether this role may CHECKPOINT.
SELECT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user)
    OR EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pg_checkpoint' AND pg_catalog.pg_has_role(r.oid, 'USAGE'));
