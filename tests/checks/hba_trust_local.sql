-- fires: pg_hba.conf:2
-- evidence: local all all trust
-- fires: pg_hba.conf:3
-- hba: local all all trust
-- hba: host all all 127.0.0.1/32 trust
CREATE ROLE app LOGIN;

-- silent: peer and scram-sha-256
-- hba: local all all peer
-- hba: host all all 127.0.0.1/32 scram-sha-256

-- not-applicable: a throwaway cluster
-- hba: local all all trust
-- policy: [cluster]
-- policy: throwaway = true
