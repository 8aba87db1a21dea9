-- Sessions of this database that may have got their keys before $1; what is hidden from us counts as such.
SELECT a.pid, coalesce(a.usename::text, ''), coalesce(a.application_name, '')
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
    AND coalesce(a.backend_type, 'client backend') = 'client backend'
    AND coalesce(a.backend_start < $1, true)
ORDER BY a.pid
