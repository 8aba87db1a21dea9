-- fires: labo
-- evidence: labo may read sensitive data and needs a password only
-- severity: low
-- tls: on
-- hba: hostssl lab labo 0.0.0.0/0 scram-sha-256
-- policy: [networks]
-- policy: internal = ["10.20.0.0/16"]
SET password_encryption = 'scram-sha-256';
CREATE ROLE labo LOGIN PASSWORD 'made-up-1';
CREATE ROLE clerk LOGIN PASSWORD 'made-up-2';
CREATE TABLE patient (patient_id int, nir text, nom text, date_naissance date);
GRANT SELECT ON patient TO labo;

-- fires: pg_hba.conf:2
-- evidence: 6 logins (r1, r2, r3, r4 and 2 more) may read sensitive data
-- tls: on
-- hba: hostssl lab +readers 0.0.0.0/0 scram-sha-256
-- policy: [networks]
-- policy: internal = ["10.20.0.0/16"]
SET password_encryption = 'scram-sha-256';
CREATE ROLE readers;
CREATE TABLE patient (patient_id int, nir text, nom text, date_naissance date);
GRANT SELECT ON patient TO readers;
DO $do$ BEGIN FOR n IN 1..6 LOOP EXECUTE format('CREATE ROLE r%s LOGIN PASSWORD ''made-up'' IN ROLE readers', n); END LOOP; END $do$;

-- silent: from inside, with a certificate, or nothing sensitive to read
-- tls: on
-- conf: ssl_ca_file = server.crt
-- hba: hostssl lab labo 10.20.0.0/16 scram-sha-256
-- hba: hostssl lab remote 0.0.0.0/0 scram-sha-256 clientcert=verify-full
-- hba: hostssl lab clerk 0.0.0.0/0 scram-sha-256
-- policy: [networks]
-- policy: internal = ["10.20.0.0/16"]
-- versions: 12-
SET password_encryption = 'scram-sha-256';
CREATE ROLE labo LOGIN PASSWORD 'made-up-1';
CREATE ROLE remote LOGIN PASSWORD 'made-up-2';
CREATE ROLE clerk LOGIN PASSWORD 'made-up-3';
CREATE TABLE patient (patient_id int, nir text, nom text, date_naissance date);
GRANT SELECT ON patient TO labo, remote;

-- not-applicable: the policy says nothing of networks
SELECT 1;
