-- fires: locum
-- evidence: locum was valid until 2020-01-01 and still gets in by line 2 (host lab all 10.0.0.0/8 trust)
-- severity: high
-- hba: host lab all 10.0.0.0/8 trust
CREATE ROLE locum LOGIN VALID UNTIL '2020-01-01';
CREATE ROLE app LOGIN;

-- fires: locum
-- evidence: local all all peer
-- hba: local all all peer
CREATE ROLE locum LOGIN PASSWORD 'made-up-1' VALID UNTIL '2020-01-01';

-- fires: locum
-- evidence: hostssl lab locum 10.0.0.0/8 cert
-- tls: on
-- conf: ssl_ca_file = server.crt
-- hba: hostssl lab locum 10.0.0.0/8 cert
CREATE ROLE locum LOGIN VALID UNTIL '2020-01-01';

-- fires: locum
-- evidence: still gets in by line 2 (local lab locum trust) and has 1 open session
-- connect: user=locum
-- hba: local lab locum trust
CREATE ROLE locum LOGIN VALID UNTIL '2020-01-01';

-- silent: NOLOGIN, only password methods, or a date to come
-- hba: host all all 10.0.0.0/8 scram-sha-256
-- hba: host all tomorrow all trust
CREATE ROLE gone NOLOGIN VALID UNTIL '2020-01-01';
CREATE ROLE locum LOGIN PASSWORD 'made-up-1' VALID UNTIL '2020-01-01';
CREATE ROLE tomorrow LOGIN VALID UNTIL '12026-01-01';
