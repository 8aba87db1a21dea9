-- The last entry that a generation left unsealed; NULL: none.
SELECT pg_catalog.max(s.last_id) FROM pgguard_audit.seal AS s WHERE s.generation = $1 AND s.rest
