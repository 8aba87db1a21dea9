-- fires: pg_hba.conf:2
-- evidence: outside private address ranges
-- fires: pg_hba.conf:3
-- fires: pg_hba.conf:4
-- evidence: every network
-- hba: hostssl all postgres 0.0.0.0/0 scram-sha-256
-- hba: host all postgres ::/0 scram-sha-256
-- hba: host lab app samenet scram-sha-256
-- tls: on
CREATE ROLE app LOGIN;

-- fires: pg_hba.conf:2
-- evidence: outside the policy's networks
-- hba: host all all 10.0.0.0/8 scram-sha-256
-- policy: [networks]
-- policy: internal = ["10.20.0.0/16"]

-- silent: inside private ranges, and reject
-- hba: host all all 10.0.0.0/8 scram-sha-256
-- hba: host all all all reject

-- silent: inside the policy's own public range
-- hba: host all all 203.0.113.0/28 scram-sha-256
-- policy: [networks]
-- policy: internal = ["203.0.113.0/24"]

-- silent: a host name, the server's own addresses, and a replication rule (see hba-replication-open)
-- tls: on
-- hba: hostssl lab all lis.example.org scram-sha-256
-- hba: host all all samehost scram-sha-256
-- hba: hostssl replication all 0.0.0.0/0 scram-sha-256

-- fires: pg_hba.conf:3
-- hba: host all all 128.0.0.0/1 reject
-- hba: host all all 64.0.0.0/2 scram-sha-256
-- hba: host all all 192.0.0.0/2 scram-sha-256
