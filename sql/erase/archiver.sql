-- Whether WAL is archived, how many segments were, the last of them and when.
SELECT pg_catalog.current_setting('archive_mode') <> 'off', a.archived_count, coalesce(a.last_archived_wal, ''),
       coalesce(pg_catalog.to_char(a.last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')
FROM pg_catalog.pg_stat_archiver AS a;
