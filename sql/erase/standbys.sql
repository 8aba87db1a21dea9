-- Who receives WAL, how far it has replayed in relation to a position ($1), and whether its queries keep rows here.
SELECT coalesce(r.application_name, ''), coalesce(r.client_addr::text, 'the local socket'),
       coalesce(r.replay_lsn >= $1::pg_catalog.pg_lsn, false), coalesce(r.replay_lag::text, ''), r.backend_xmin IS NOT NULL
FROM pg_catalog.pg_stat_replication AS r ORDER BY 1, 2;
