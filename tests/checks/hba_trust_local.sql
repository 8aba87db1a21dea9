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

-- fires: pg_hba.conf:10
-- evidence: host all all 0.0.0.0/0 trust lets in 2 logins (app, postgres) from the machine itself
-- hba: host all all 128.0.0.0/1 reject
-- hba: host all all 0.0.0.0/2 reject
-- hba: host all all 64.0.0.0/3 reject
-- hba: host all all 96.0.0.0/4 reject
-- hba: host all all 112.0.0.0/5 reject
-- hba: host all all 120.0.0.0/6 reject
-- hba: host all all 124.0.0.0/7 reject
-- hba: host all all 126.0.0.0/8 reject
-- hba: host all all 0.0.0.0/0 trust
CREATE ROLE app LOGIN;

-- silent: other machines get in by it too (see hba-trust)
-- hba: host all all 0.0.0.0/0 trust
