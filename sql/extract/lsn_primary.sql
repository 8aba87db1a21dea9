-- The WAL position: what was committed before the snapshot lies before it.
SELECT pg_catalog.pg_current_wal_lsn()::text;
