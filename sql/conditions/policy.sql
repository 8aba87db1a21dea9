-- The condition of a row policy on the rows that are there, whole; no row where there is none.
SELECT pg_catalog.pg_get_expr(p.polqual, p.polrelid)
FROM pg_catalog.pg_policy AS p WHERE p.oid = $1 AND p.polqual IS NOT NULL
