-- Who holds one of our advisory locks in this database; what pg_stat_activity hides is empty.
SELECT
    l.pid,
    coalesce(a.usename, '')::text,
    coalesce(a.application_name, ''),
    coalesce(pg_catalog.host(a.client_addr), ''),
    coalesce(pg_catalog.to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ'), '')
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    AND l.classid = $1::integer::oid AND l.objid = $2::integer::oid
