-- Slots whose WAL begins before a position ($1), and those that hold none.
SELECT s.slot_name::text, s.slot_type::text, s.active, coalesce(s.restart_lsn::text, ''),
       coalesce(s.restart_lsn < $1::pg_catalog.pg_lsn, false)
FROM pg_catalog.pg_replication_slots AS s ORDER BY s.slot_name;
