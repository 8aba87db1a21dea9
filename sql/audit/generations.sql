-- Generations; and the one that begins with the next seal, when the store is in another cluster than at the last.
SELECT g.number, g.old_xid, g.old_id, g.rest_xid, g.rest_id FROM pgguard_audit.generation AS g
UNION ALL
SELECT g.number + 1,
    (SELECT pg_catalog.max(s.xid_to) FROM pgguard_audit.seal AS s WHERE s.generation = g.number AND NOT s.rest),
    (SELECT pg_catalog.max(s.last_id) FROM pgguard_audit.seal AS s), NULL, NULL
FROM (SELECT * FROM pgguard_audit.generation AS n ORDER BY n.number DESC LIMIT 1) AS g
WHERE g.place <> pgguard_audit.place()
ORDER BY 1
