-- fires: pg_hba.conf:3
-- evidence: does not load
-- hba: local all all peer
-- hba: host all all 10.0.0.0/99 scram-sha-256

-- silent: every line loads
-- hba: local all all peer
-- hba: host all all 10.0.0.0/8 scram-sha-256
