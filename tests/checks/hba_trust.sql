-- fires: pg_hba.conf:2
-- evidence: lets in 1 login (postgres) with no authentication
-- severity: critical
-- hba: host all all 0.0.0.0/0 trust

-- fires: pg_hba.conf:3
-- evidence: lets in 1 login (app)
-- hba: host all postgres all reject
-- hba: host lab all samenet trust
CREATE ROLE app LOGIN;

-- fires: pg_hba.conf:2
-- severity: low
-- evidence: no login of today
-- hba: host all not_yet 10.0.0.0/8 trust

-- silent: an earlier rule decides for everybody
-- hba: host all all all scram-sha-256
-- hba: host all all 10.0.0.0/8 trust

-- silent: only a group whose members have no CONNECT
-- hba: host lab +nobody 10.0.0.0/8 scram-sha-256
-- hba: host all all 127.0.0.1/32 trust
CREATE ROLE nobody;

-- silent: the client certificate names the login
-- tls: on
-- hba: hostssl all all 0.0.0.0/0 trust clientcert=verify-full
-- conf: ssl_ca_file = server.crt
-- versions: 12-

-- fires: pg_hba.conf:2
-- evidence: no more than any client certificate
-- tls: on
-- hba: hostssl all all 0.0.0.0/0 trust clientcert=verify-ca
-- conf: ssl_ca_file = server.crt
-- versions: 12-

-- fires: pg_hba.conf:3
-- evidence: lets in 1 login (postgres)
-- hba: host all "all" all reject
-- hba: host all postgres .example.org trust

-- silent: the name of the machine itself, or its own addresses (see hba-trust-local)
-- hba: host all all localhost trust
-- hba: host all all samehost trust

-- unknown: the file is not what the server has loaded
-- hba: host all all 10.0.0.0/99 scram-sha-256
