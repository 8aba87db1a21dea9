SELECT pgguard_audit.add_verification($1, $2, $3, $4, $5, $6, $7, $8)
WHERE pg_catalog.has_function_privilege(
    'pgguard_audit.add_verification(bigint, bigint, bytea, boolean, boolean, bigint, bigint, text)', 'EXECUTE')
