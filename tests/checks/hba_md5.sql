-- fires: pg_hba.conf:2
-- severity: medium
-- hba: host all app 10.0.0.0/8 md5
CREATE ROLE app LOGIN PASSWORD 'md5e26d4b06e4b0f3d2ed5fe9b4a5d2bd1f';

-- fires: pg_hba.conf:2
-- severity: low
-- evidence: SCRAM all the same
-- hba: host all app 10.0.0.0/8 md5
SET password_encryption = 'scram-sha-256';
CREATE ROLE app LOGIN PASSWORD 'made-up-1';
CREATE ROLE later LOGIN;

-- fires: pg_hba.conf:2
-- severity: medium
-- hba: host all app 10.0.0.0/8 md5
CREATE ROLE app LOGIN;

-- silent: scram-sha-256 only
-- hba: host all all 10.0.0.0/8 scram-sha-256
