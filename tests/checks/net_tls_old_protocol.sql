-- fires: ssl_min_protocol_version
-- evidence: ssl_min_protocol_version = TLSv1, below TLSv1.2
-- severity: high
-- versions: 12-
-- tls: on
-- conf: listen_addresses = *
-- conf: ssl_min_protocol_version = TLSv1
-- hba: hostssl all all 10.0.0.0/8 scram-sha-256

-- fires: ssl_min_protocol_version
-- evidence: TLSv1.1
-- severity: low
-- versions: 12-
-- tls: on
-- conf: ssl_min_protocol_version = TLSv1.1

-- fires: ssl_min_protocol_version
-- evidence: as soon as ssl is on
-- severity: low
-- versions: 12-
-- conf: ssl_min_protocol_version = TLSv1.1

-- fires: ssl_min_protocol_version
-- evidence: a handshake at TLSv1 and at TLSv1.1 succeeded
-- versions: 10-11
-- tls: on

-- silent: TLSv1.2
-- versions: 12-
-- tls: on
-- conf: ssl_min_protocol_version = TLSv1.2

-- not-applicable: no TLS
SELECT 1;

-- silent: nobody can shake hands without a TCP listener
-- versions: 10-11
-- tls: on
-- conf: listen_addresses = ''
