-- fires: archive_mode
-- evidence: archive_mode = off
SELECT 1;

-- fires: archive_command
-- evidence: WAL piles up
-- severity: medium
-- conf: archive_mode = on

-- fires: archive_command
-- evidence: does nothing
-- severity: low
-- conf: archive_mode = on
-- conf: archive_command = /bin/true

-- fires: archive_command
-- evidence: archiving fails
-- severity: medium
-- conf: archive_mode = on
-- conf: archive_command = 'test ! -f %p'
SELECT pg_switch_wal();
SELECT pg_sleep(1.5);

-- silent: it works
-- conf: archive_mode = on
-- conf: archive_command = 'cp %p /dev/null'
SELECT pg_switch_wal();
SELECT pg_sleep(1);

-- silent: evidence
-- policy: [backup]
-- policy: evidence = "pgBackRest, restore tried each month"
SELECT 1;

-- not-applicable: throwaway
-- policy: [cluster]
-- policy: throwaway = true
SELECT 1;
