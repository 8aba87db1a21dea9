-- fires: fsync
-- evidence: fsync = off
-- fires: full_page_writes
-- fires: zero_damaged_pages
-- fires: ignore_checksum_failure
-- fires: session_replication_role
-- fires: row_security
-- fires: ignore_system_indexes
-- fires: allow_system_table_mods
-- conf: fsync = off
-- conf: full_page_writes = off
-- conf: zero_damaged_pages = on
-- conf: ignore_checksum_failure = on
-- conf: session_replication_role = replica
-- conf: row_security = off
-- conf: ignore_system_indexes = on
-- conf: allow_system_table_mods = on

-- fires: standard_conforming_strings
-- evidence: SQL injection
-- conf: fsync = on
-- conf: standard_conforming_strings = off

-- silent: the safe values; lo_compat_privileges is told by grant-public-large-object
-- conf: fsync = on
-- conf: lo_compat_privileges = on

-- silent: told by role-setting-override
-- conf: fsync = on
CREATE ROLE app LOGIN;
ALTER ROLE app SET session_replication_role = 'replica';

-- not-applicable: throwaway
-- policy: [cluster]
-- policy: throwaway = true
SELECT 1;
