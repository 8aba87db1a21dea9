-- Where WAL is now, and the time.
SELECT pg_catalog.pg_current_wal_lsn()::text, pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
