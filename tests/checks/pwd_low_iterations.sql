-- fires: app
-- evidence: 1000 iterations
CREATE ROLE app LOGIN PASSWORD 'SCRAM-SHA-256$1000:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

-- fires: scram_iterations
-- evidence: scram_iterations = 1024
-- fires: postgres
-- versions: 16-
-- conf: scram_iterations = 1024

-- silent: PostgreSQL's own number
SET LOCAL password_encryption = 'scram-sha-256';
CREATE ROLE app LOGIN PASSWORD 'something-long-enough';

-- fires: cluster
-- evidence: 12 logins have verifiers with fewer than 4096 iterations
DO $do$
BEGIN
    FOR n IN 1..12 LOOP
        EXECUTE format('CREATE ROLE app_%s LOGIN PASSWORD %L', n, 'SCRAM-SHA-256$1000:AAAAAAAAAAAAAAAAAAAAAA==$'
            'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=');
    END LOOP;
END
$do$;
