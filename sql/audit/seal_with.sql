-- The seal that covers entry $1.
SELECT s.number FROM pgguard_audit.seal AS s
WHERE s.first_id <= $1 AND s.last_id >= $1 AND EXISTS (
    SELECT FROM pgguard_audit.seal_leaf AS l CROSS JOIN LATERAL pg_catalog.generate_series(
        0, CASE WHEN pg_catalog.position(l.leaves, pg_catalog.int8send($1)) > 0 THEN pg_catalog.octet_length(l.leaves) / 32 - 1
            ELSE -1 END) AS n
    WHERE l.seal = s.number AND pg_catalog.substr(l.leaves, n * 32 + 1, 8) = pg_catalog.int8send($1))
ORDER BY s.number LIMIT 1
