-- Since when statements are counted, how many were let go since, and whether all are counted.
SELECT pg_catalog.to_char(i.stats_reset AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), i.dealloc,
       coalesce((SELECT setting FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.track'), ''),
       coalesce((SELECT setting FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.track_utility'), '')
FROM pg_stat_statements_info AS i;
