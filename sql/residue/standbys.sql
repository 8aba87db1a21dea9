-- Who streams WAL from here.
SELECT coalesce(application_name, ''), coalesce(client_addr::text, 'the local socket')
FROM pg_catalog.pg_stat_replication
ORDER BY 1, 2;
