-- fires: pg_hba.conf:3
-- evidence: does not load
-- hba: local all all peer
-- hba: host all all 10.0.0.0/99 scram-sha-256

-- silent: every line loads
-- hba: local all all peer
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- fires: pg_hba.conf:2
-- evidence: 2 lines (2, 3) match nobody: hostssl record cannot match
-- hba: hostssl all all 10.0.0.0/8 scram-sha-256
-- hba: hostssl lab all 11.0.0.0/8 scram-sha-256

-- fires: pg_hba.conf:2
-- evidence: name=value format: ***
-- hba: host all all 10.0.0.0/8 radius radiusservers=10.0.0.9 radiussecrets=made up-secret
