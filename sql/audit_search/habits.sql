-- What each login did from $1 to before $2, hour by hour: login, end user, address, the hour, rows.
SELECT e.login, coalesce(e.claimed, ''), coalesce(pg_catalog.host(e.client), ''),
    pg_catalog.date_bin('1 hour', e.at, '2000-01-01 00:00:00+00'), pg_catalog.count(*)
FROM pgguard_audit.entry AS e
WHERE e.shape IS NOT NULL AND e.at >= $1::timestamp with time zone AND e.at < $2::timestamp with time zone
GROUP BY 1, 2, 3, 4
