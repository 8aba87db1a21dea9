-- Whether seal $1 knows entry $2.
SELECT EXISTS (
    SELECT FROM pgguard_audit.seal_leaf AS l CROSS JOIN LATERAL pg_catalog.generate_series(
        0, CASE WHEN pg_catalog.position(l.leaves, pg_catalog.int8send($2)) > 0 THEN pg_catalog.octet_length(l.leaves) / 32 - 1
            ELSE -1 END) AS n
    WHERE l.seal = $1 AND pg_catalog.substr(l.leaves, n * 32 + 1, 8) = pg_catalog.int8send($2))
