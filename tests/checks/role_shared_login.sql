-- fires: labo
-- evidence: from 2 places at once
-- connect: user=labo application_name=psql
-- connect: user=labo application_name=pgAdmin host=127.0.0.1
CREATE ROLE labo LOGIN PASSWORD 'only-for-this-test-run-7b1c';

-- silent: one place, and a declared service
-- connect: user=c_martin application_name=psql
-- connect: user=c_martin application_name=DBeaver
-- connect: user=labo application_name=psql
-- connect: user=labo application_name=pgAdmin host=127.0.0.1
-- policy: [[service]]
-- policy: role = "labo"
-- policy: owner = "IT"
-- policy: purpose = "analyser interface"
CREATE ROLE labo LOGIN PASSWORD 'only-for-this-test-run-7b1c';
CREATE ROLE c_martin LOGIN PASSWORD 'only-for-this-test-run-7b1c';
