-- What each login wrote from $1 to before $2: by end user, address and stretches of $3, how many rows, how many of
-- them of which kind. The last three columns: from when to when, and how many patients.
SELECT e.login, coalesce(e.claimed, ''), coalesce(pg_catalog.host(e.client), ''),
    pg_catalog.date_bin($3::interval, e.at, '2000-01-01 00:00:00+00'), pg_catalog.count(*),
    pg_catalog.count(*) FILTER (WHERE e.verb = 'DELETE'), pg_catalog.min(e.at), pg_catalog.max(e.at),
    pg_catalog.count(DISTINCT e.subject)
FROM pgguard_audit.entry AS e
WHERE e.shape IS NOT NULL AND e.at >= $1::timestamp with time zone AND e.at < $2::timestamp with time zone
GROUP BY 1, 2, 3, 4
ORDER BY 4, 1, 2, 3
