-- What each login changed from $1 to before $2, by end user, address, table and verb: how many rows, from when to when.
-- Events of the audit itself are told by its alarms.
SELECT e.login, coalesce(e.authenticated, ''), coalesce(e.claimed, ''), coalesce(pg_catalog.host(e.client), ''), s.relation,
    e.verb, pg_catalog.count(*), pg_catalog.min(e.at), pg_catalog.max(e.at)
FROM pgguard_audit.entry AS e JOIN pgguard_audit.shape AS s ON s.id = e.shape
WHERE e.at >= $1::timestamp with time zone AND e.at < $2::timestamp with time zone
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 8, 1, 5, 6
