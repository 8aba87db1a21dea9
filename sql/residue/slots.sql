-- Replication slots, and the WAL that each keeps.
SELECT slot_name::text, slot_type, coalesce(database, ''), active, coalesce(restart_lsn::text, ''),
       coalesce(greatest(0, pg_catalog.pg_wal_lsn_diff(
           CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn)), 0)::bigint
FROM pg_catalog.pg_replication_slots
ORDER BY slot_name;
