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

-- silent: the first superuser's alone
-- hba: host all all 10.0.0.0/8 scram-sha-256
CREATE ROLE app LOGIN;


-- fires: shared_preload_libraries
-- evidence: rules of pg_hba.conf ask for passwords
-- hba: local all watcher trust
-- hba: host all all 10.0.0.0/8 scram-sha-256
-- as: watcher
-- versions: 10-
CREATE ROLE watcher LOGIN;
GRANT pg_read_all_settings TO watcher;
GRANT SELECT ON pg_hba_file_rules TO watcher;
GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO watcher;

-- unknown: neither rules nor verifiers are shown
-- as: watcher
CREATE ROLE watcher LOGIN;
GRANT pg_read_all_settings TO watcher;
