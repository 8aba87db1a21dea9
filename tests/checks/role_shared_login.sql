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

-- fires: labo
-- evidence: proven, at least 2 people
-- severity: high
-- watched: 21
-- observed: 15 labo 8-17 10.1.0.5 psql as cn=Ada Martin by cert
-- observed: 15 labo 8-17 10.1.0.5 psql as cn=Jean Petit by cert
CREATE ROLE labo LOGIN;

-- fires: bact
-- evidence: strong, at least 2 people
-- evidence: 10.1.0.5, 10.1.0.6 at once
-- severity: high
-- watched: 21
-- observed: 15 bact 8-17 10.1.0.5 psql
-- observed: 15 bact 9-18 10.1.0.6 pgAdmin 4
CREATE ROLE bact LOGIN;

-- fires: "c.martin"
-- evidence: possible
-- evidence: needs confirmation
-- severity: medium
-- watched: 21
-- observed: 15 c.martin 8-17 10.1.0.5 psql
-- observed: 15 c.martin 9-18 10.1.0.6 pgAdmin 4
CREATE ROLE "c.martin" LOGIN;

-- fires: bact
-- evidence: not-assessable
-- evidence: comes through 10.9.0.1
-- severity: low
-- watched: 21
-- observed: 15 bact 8-17 10.9.0.1 psql
-- policy: [networks]
-- policy: jump_hosts = ["10.9.0.1/32"]
CREATE ROLE bact LOGIN;

-- fires: cluster
-- evidence: only 4 days were watched
-- severity: low
-- watched: 3
-- observed: 3 d_roux 8-17 10.1.0.5 psql
CREATE ROLE d_roux LOGIN;

-- silent: a person at a desk, an application's servers
-- watched: 21
-- observed: 15 d_roux 8-17 10.1.0.5 psql
-- observed: 20 portail 0-23 10.2.0.5 portail
-- observed: 20 portail 0-23 10.2.0.6 portail
CREATE ROLE d_roux LOGIN;
CREATE ROLE portail LOGIN;
