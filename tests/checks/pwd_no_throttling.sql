-- fires: shared_preload_libraries
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- fires: shared_preload_libraries
-- evidence: no delay
-- conf: shared_preload_libraries = auth_delay
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- silent: it delays
-- conf: shared_preload_libraries = auth_delay
-- conf: auth_delay.milliseconds = 10
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- silent: certificates only
-- hba: hostssl all all 10.0.0.0/8 cert
-- tls: on
-- conf: ssl_ca_file = server.crt

-- fires: shared_preload_libraries
-- evidence: auth_delay is not loaded
-- conf: session_preload_libraries = auth_delay
-- conf: auth_delay.milliseconds = 500
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- unknown: the rules are hidden
-- as: watcher
CREATE ROLE watcher LOGIN;
GRANT pg_read_all_settings TO watcher;
