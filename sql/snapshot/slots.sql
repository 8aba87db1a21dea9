-- Replication slots and the WAL that each holds back.
SELECT json_build_array(
    slot_name, slot_type, coalesce(database, ''), active,
    coalesce(greatest(0, pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
        restart_lsn)), 0)::bigint
)::text
FROM pg_catalog.pg_replication_slots
ORDER BY slot_name;
