-- fires: pg_hba.conf:3
-- evidence: line 2 (host all all 0.0.0.0/0 scram-sha-256) decides
-- severity: medium
-- hba: host all all 0.0.0.0/0 scram-sha-256
-- hba: host all all 10.66.0.0/16 reject

-- fires: pg_hba.conf:4
-- hba: host lab all 10.0.0.0/9 scram-sha-256
-- hba: host all all 10.128.0.0/9 scram-sha-256
-- hba: host lab all 10.0.0.0/8 reject

-- silent: each rule decides for somebody
-- hba: host lab app 10.0.0.0/8 scram-sha-256
-- hba: host all all 10.0.0.0/8 reject
-- hba: host all all 10.0.0.0/7 scram-sha-256
CREATE ROLE app LOGIN;
