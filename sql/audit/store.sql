-- Which store it is, and its last seal; number, generation and horizon are 0 where nothing was ever sealed.
SELECT i.id::text, pg_catalog.pg_is_in_recovery(), coalesce(s.number, 0), coalesce(s.generation, 0),
    coalesce((SELECT r.xid_to FROM pgguard_audit.seal AS r WHERE NOT r.rest AND r.generation = s.generation
              ORDER BY r.xid_from DESC LIMIT 1), 0)
FROM (SELECT pgguard_audit.store_id()) AS i (id)
LEFT JOIN LATERAL (SELECT * FROM pgguard_audit.seal AS f ORDER BY f.number DESC LIMIT 1) AS s ON true
