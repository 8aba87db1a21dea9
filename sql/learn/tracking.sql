-- Since when statements are counted, how many were let go since, and whether all are counted. Before 14 the
-- first two are not known.
SELECT '', 0::bigint,
       coalesce((SELECT setting FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.track'), ''),
       coalesce((SELECT setting FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.track_utility'), '');
