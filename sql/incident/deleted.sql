-- How many rows of each table were deleted from $1 on, and whether one was emptied by a TRUNCATE, which tells no number.
SELECT coalesce(s.relation, CASE WHEN e.object LIKE 'table %' THEN pg_catalog.substr(e.object, 7) ELSE e.object END),
    pg_catalog.count(*) FILTER (WHERE e.verb = 'DELETE'), pg_catalog.bool_or(e.verb = 'TRUNCATE')
FROM pgguard_audit.entry AS e LEFT JOIN pgguard_audit.shape AS s ON s.id = e.shape
WHERE e.at >= $1::timestamp with time zone AND e.verb IN ('DELETE', 'TRUNCATE')
GROUP BY 1
ORDER BY 1
