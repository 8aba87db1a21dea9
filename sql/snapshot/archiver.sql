-- How archiving fares.
SELECT json_build_array(archived_count, failed_count, coalesce(to_char(last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''), coalesce(to_char(last_failed_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''))::text
FROM pg_catalog.pg_stat_archiver
ORDER BY 1;
