-- fires: kiosk
-- evidence: line 3 (host lab kiosk 10.1.0.0/16 scram-sha-256) would ask for one, and line 2 (local all all trust) lets it in without
-- severity: high
-- hba: local all all trust
-- hba: host lab kiosk 10.1.0.0/16 scram-sha-256
CREATE ROLE kiosk LOGIN;
CREATE ROLE app LOGIN;

-- fires: app
-- evidence: line 3 (host all all 10.20.0.0/16 md5) would ask for one
-- hba: host all all 0.0.0.0/0 trust
-- hba: host all all 10.20.0.0/16 md5
CREATE ROLE app LOGIN;

-- fires: dba
-- evidence: superuser dba has no password, and line 2
-- severity: high
-- hba: host all dba 10.0.0.0/8 scram-sha-256
CREATE ROLE dba LOGIN SUPERUSER;

-- fires: backup
-- severity: low
-- evidence: it gets in by line 2 (local all all peer)
-- hba: local all all peer
-- hba: host all all 10.0.0.0/8 scram-sha-256
CREATE ROLE backup LOGIN;

-- fires: cluster
-- evidence: 12 logins have no password where rules ask for one
-- hba: local all all trust
-- hba: host all all 10.0.0.0/8 scram-sha-256
DO $do$ BEGIN FOR n IN 1..12 LOOP EXECUTE format('CREATE ROLE r%s LOGIN', n); END LOOP; END $do$;

-- silent: no other way in, a certificate, a directory, or no network
-- tls: on
-- conf: ssl_ca_file = server.crt
-- hba: hostssl lab robot all cert
-- hba: host lab robot 10.0.0.0/8 scram-sha-256
-- hba: host lab waiting 10.0.0.0/8 scram-sha-256
-- hba: host all root 127.0.0.1/32 scram-sha-256
-- hba: local all root trust
CREATE ROLE robot LOGIN;
CREATE ROLE waiting LOGIN;
CREATE ROLE root LOGIN SUPERUSER;
CREATE ROLE parked NOLOGIN;

-- unknown: verifiers may not be read
-- cluster: it grants on the system catalogs
-- as: looker
CREATE ROLE looker LOGIN;
GRANT pg_monitor TO looker;
GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO looker;
