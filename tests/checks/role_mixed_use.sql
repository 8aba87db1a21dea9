-- fires: lis
-- evidence: psql from the server itself
-- connect: user=lis application_name=psql
-- policy: [[service]]
-- policy: role = "lis"
-- policy: owner = "IT"
-- policy: purpose = "laboratory application"
CREATE ROLE lis LOGIN PASSWORD 'only-for-this-test-run-7b1c';

-- fires: lis
-- evidence: DBeaver 24.1 from 10.1.0.5
-- watched: 20
-- observed: 20 lis 0-23 10.2.0.1 lis
-- observed: 6 lis 9-11 10.1.0.5 DBeaver 24.1
-- policy: [[service]]
-- policy: role = "lis"
-- policy: owner = "IT"
-- policy: purpose = "laboratory application"
CREATE ROLE lis LOGIN;

-- silent: its own program, and a tool that is declared
-- connect: user=lis application_name=psql
-- connect: user=lis application_name=lis
-- policy: [[service]]
-- policy: role = "lis"
-- policy: owner = "IT"
-- policy: purpose = "laboratory application"
-- policy: applications = ["psql"]
CREATE ROLE lis LOGIN PASSWORD 'only-for-this-test-run-7b1c';

-- silent: another login's tools
-- watched: 20
-- observed: 20 lis 0-23 10.2.0.1 lis
-- observed: 6 c_martin 9-11 10.1.0.5 DBeaver 24.1
-- policy: [[service]]
-- policy: role = "lis"
-- policy: owner = "IT"
-- policy: purpose = "laboratory application"
CREATE ROLE lis LOGIN;

-- not-applicable: no service is declared
SELECT 1;
