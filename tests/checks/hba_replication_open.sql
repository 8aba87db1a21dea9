-- fires: pg_hba.conf:2
-- evidence: names a network
-- evidence: does not require TLS
-- hba: host replication all 10.0.0.0/8 scram-sha-256

-- fires: pg_hba.conf:2
-- evidence: wider than the policy's standbys
-- hba: hostssl replication standby 10.9.0.0/16 scram-sha-256
-- tls: on
-- policy: [networks]
-- policy: standbys = ["10.9.0.4/32"]
CREATE ROLE standby LOGIN REPLICATION;

-- silent: one standby over TLS, and PostgreSQL's own rules for the machine itself
-- tls: on
-- hba: hostssl replication standby 10.9.0.4/32 scram-sha-256
-- hba: host replication all 127.0.0.1/32 scram-sha-256
-- hba: hostssl all all 10.0.0.0/8 scram-sha-256
CREATE ROLE standby LOGIN REPLICATION;

-- silent: a standby by its name, and rules that look like replication
-- tls: on
-- hba: hostssl replication standby standby1.example.org scram-sha-256
-- hba: hostssl "replication" all 10.0.0.0/8 scram-sha-256
CREATE ROLE standby LOGIN REPLICATION;
