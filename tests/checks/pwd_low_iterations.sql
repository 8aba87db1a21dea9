-- fires: app
-- evidence: 1000 iterations
CREATE ROLE app LOGIN PASSWORD 'SCRAM-SHA-256$1000:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

-- fires: scram_iterations
-- versions: 16-
-- conf: scram_iterations = 1024
-- conf: password_encryption = md5

-- silent: PostgreSQL's own number
SET LOCAL password_encryption = 'scram-sha-256';
CREATE ROLE app LOGIN PASSWORD 'something-long-enough';
