-- fires: CN=localhost
-- evidence: signed by itself
-- tls: self-signed

-- silent: signed by an authority, for a year
-- tls: on

-- not-applicable: no TLS
SELECT 1;

-- not-applicable: no TCP listener
-- tls: on
-- conf: listen_addresses = ''
