-- fires: pg_hba.conf:3
-- evidence: line 2 (host all all 0.0.0.0/0 scram-sha-256) decides
-- severity: medium
-- hba: host all all 0.0.0.0/0 scram-sha-256
-- hba: host all all 10.66.0.0/16 reject

-- fires: pg_hba.conf:4
-- hba: host lab all 10.0.0.0/9 scram-sha-256
-- hba: host all all 10.128.0.0/9 scram-sha-256
-- hba: host lab all 10.0.0.0/8 reject

-- fires: pg_hba.conf:4
-- evidence: never reached: line 3 (host all all 0.0.0.0/0 trust) decides
-- hba: host lab app 10.0.0.0/8 scram-sha-256
-- hba: host all all 0.0.0.0/0 trust
-- hba: host all all 10.20.0.0/16 scram-sha-256
CREATE ROLE app LOGIN;

-- silent: each rule decides for somebody
-- hba: host lab app 10.0.0.0/8 scram-sha-256
-- hba: host all all 10.0.0.0/8 reject
-- hba: host all all 10.0.0.0/7 scram-sha-256
CREATE ROLE app LOGIN;

-- fires: pg_hba.conf:3
-- severity: medium
-- evidence: line 2 (host all all 10.0.0.0/8 scram-sha-256) decides
-- tls: on
-- hba: host all all 10.0.0.0/8 scram-sha-256
-- hba: hostssl all +staff 10.0.0.0/16 scram-sha-256

-- fires: pg_hba.conf:3
-- severity: low
-- hba: host all all 10.0.0.0/8 scram-sha-256
-- hba: host lab all 10.1.0.0/16 scram-sha-256

-- fires: pg_hba.conf:4
-- evidence: line 2 (host lab all 10.0.0.0/9 scram-sha-256), line 3 (host all all 10.128.0.0/9 scram-sha-256) decide
-- severity: medium
-- hba: host lab all 10.0.0.0/9 scram-sha-256
-- hba: host all all 10.128.0.0/9 scram-sha-256
-- hba: host lab not_yet 10.0.0.0/8 reject

-- silent: "all" in quotes is a database or a login of that name, samenet may be anything, and so may a host name
-- hba: host "all" all 10.0.0.0/8 scram-sha-256
-- hba: host all "all" 10.0.0.0/8 scram-sha-256
-- hba: host all all samenet scram-sha-256
-- hba: host all all lab.example.org scram-sha-256
-- hba: host all all 10.0.0.0/8 reject

-- unknown: the file is not what the server has loaded
-- hba: host all all 10.0.0.0/99 scram-sha-256
