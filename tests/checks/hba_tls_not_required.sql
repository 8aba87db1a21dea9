-- fires: pg_hba.conf:2
-- fires: pg_hba.conf:3
-- hba: host all all 10.0.0.0/8 scram-sha-256
-- hba: hostnossl all all fd00::/8 scram-sha-256

-- silent: the password itself would cross in clear (see hba-cleartext-password)
-- hba: host all all 10.0.0.0/8 password

-- silent: encrypted, or from the machine itself
-- tls: on
-- hba: hostssl all all 10.0.0.0/8 scram-sha-256
-- hba: host all all 127.0.0.1/32 scram-sha-256

-- silent: unencrypted clients are turned away before
-- tls: on
-- hba: hostnossl all all all reject
-- hba: host all all 10.0.0.0/8 scram-sha-256
