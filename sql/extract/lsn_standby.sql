-- The WAL position that a standby has replayed: what the snapshot shows lies before it.
SELECT pg_catalog.pg_last_wal_replay_lsn()::text;
