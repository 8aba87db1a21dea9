-- fires: left_over
-- evidence: physical slot left_over is inactive and holds
-- severity: low
-- fires: waiting
-- evidence: logical slot waiting of database lab
-- conf: wal_level = logical
SELECT pg_create_physical_replication_slot('left_over', true);
SELECT pg_create_logical_replication_slot('waiting', 'test_decoding');

-- fires: left_over
-- severity: medium
-- policy: [thresholds]
-- policy: slot_retained_gb = 0
-- cluster: slots outlive a rollback
SELECT pg_create_physical_replication_slot('left_over', true);

-- silent: no slots
SELECT 1;
