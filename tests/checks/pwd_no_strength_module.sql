-- fires: shared_preload_libraries
-- hba: host all all 10.0.0.0/8 scram-sha-256
CREATE ROLE app LOGIN PASSWORD 'x';

-- silent: loaded
-- conf: shared_preload_libraries = passwordcheck
-- hba: host all all 10.0.0.0/8 scram-sha-256
CREATE ROLE app LOGIN PASSWORD 'something-8-long';

-- silent: somebody else's task
-- policy: [passwords]
-- policy: strength_checked_by = "the vault that makes them"
CREATE ROLE app LOGIN PASSWORD 'x';
