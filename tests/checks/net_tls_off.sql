-- fires: ssl
-- evidence: serves other machines
-- severity: high
-- conf: listen_addresses = *
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- fires: ssl
-- evidence: listens on 127.0.0.1
-- severity: low
-- cluster: it listens on the machine itself only
SELECT 1;

-- fires: ssl
-- evidence: serves its own machine only
-- severity: low
-- conf: listen_addresses = *
-- hba: host all all 127.0.0.1/32 scram-sha-256
-- hba: host all all all reject

-- fires: ssl
-- severity: high
-- conf: listen_addresses = *
-- hba: local all watcher trust
-- as: watcher
CREATE ROLE watcher LOGIN;

-- silent: no TCP listener
SELECT 1;

-- silent: TLS
-- tls: on
-- hba: hostssl all all 10.0.0.0/8 scram-sha-256
