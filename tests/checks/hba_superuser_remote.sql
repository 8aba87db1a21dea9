-- fires: postgres
-- evidence: line 2 (host all all 10.0.0.0/8 scram-sha-256)
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- silent: a reject first, and other logins only
-- hba: host all postgres all reject
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- silent: by a declared jump host
-- hba: host all postgres 10.1.1.1/32 scram-sha-256
-- policy: [networks]
-- policy: jump_hosts = ["10.1.1.1"]

-- fires: importer
-- evidence: importer, as good as superuser by pg_write_server_files, gets in from other machines by line 3
-- hba: host all postgres all reject
-- hba: host all all 10.0.0.0/8 trust
-- versions: 11-
CREATE ROLE importer LOGIN;
GRANT pg_write_server_files TO importer;
CREATE ROLE app LOGIN;

-- fires: dba
-- severity: low
-- tls: on
-- hba: hostssl all dba 10.0.0.0/8 scram-sha-256
-- policy: [administrators]
-- policy: roles = ["dba"]
SET password_encryption = 'scram-sha-256';
CREATE ROLE dba LOGIN SUPERUSER PASSWORD 'made-up-1';

-- fires: cluster
-- evidence: 12 superusers and logins as good as them
-- hba: host all all 10.0.0.0/8 trust
DO $do$ BEGIN FOR n IN 1..11 LOOP EXECUTE format('CREATE ROLE s%s LOGIN SUPERUSER', n); END LOOP; END $do$;

-- silent: no password (see pwd-missing), NOLOGIN, or an md5 verifier that the rule refuses
-- hba: host all dba 10.0.0.0/8 scram-sha-256
-- hba: host all parked 10.0.0.0/8 trust
-- hba: host all old 10.0.0.0/8 scram-sha-256
CREATE ROLE dba LOGIN SUPERUSER;
CREATE ROLE old LOGIN SUPERUSER PASSWORD 'md5e26d4b06e4b0f3d2ed5fe9b4a5d2bd1f';
CREATE ROLE parked NOLOGIN SUPERUSER;

-- unknown: the file is not what the server has loaded
-- hba: host all all 10.0.0.0/99 scram-sha-256
