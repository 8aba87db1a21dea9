-- Sessions whose snapshot keeps rows that were deleted after they began, but for this one.
SELECT count(*), coalesce(pg_catalog.to_char(min(xact_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')
FROM pg_catalog.pg_stat_activity
WHERE backend_xmin IS NOT NULL AND pid <> pg_catalog.pg_backend_pid() AND xact_start < pg_catalog.now() - interval '5 minutes';
