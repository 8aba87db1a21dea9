-- The last entry that a generation left unsealed; 0: none.
SELECT coalesce(pg_catalog.max(s.last_id), 0) FROM pgguard_audit.seal AS s WHERE s.generation = $1 AND s.rest
