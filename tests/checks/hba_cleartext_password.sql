-- fires: pg_hba.conf:2
-- evidence: crosses the network in clear
-- severity: critical
-- hba: host lab all 10.0.0.0/8 password

-- fires: pg_hba.conf:2
-- hba: host all all 10.0.0.0/8 radius radiusservers=10.0.0.9 radiussecrets="made-up-4b1"

-- silent: hostssl, or unencrypted clients are turned away before
-- tls: on
-- hba: hostssl lab all 10.0.0.0/8 password
-- hba: hostnossl all all all reject
-- hba: host all all 10.1.0.0/16 password
