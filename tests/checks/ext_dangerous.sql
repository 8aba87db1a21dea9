-- fires: dblink
-- evidence: every login can call dblink()
-- severity: medium
CREATE ROLE c_martin LOGIN;
CREATE EXTENSION dblink;

-- fires: adminpack
-- evidence: c_martin can call pg_file_write()
-- severity: high
-- versions: 11-16
CREATE ROLE c_martin LOGIN;
CREATE EXTENSION adminpack;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_file_write(text, text, boolean) TO c_martin;

-- silent: up to 1.1 it lets superusers alone pass, although PUBLIC has EXECUTE
-- versions: 10-16
CREATE ROLE c_martin LOGIN;
CREATE EXTENSION adminpack VERSION '1.1';

-- fires: file_fdw
-- evidence: c_martin can use foreign server files
-- fires: postgres_fdw
-- evidence: importers
CREATE ROLE c_martin LOGIN;
CREATE ROLE importers LOGIN;
CREATE EXTENSION file_fdw;
CREATE EXTENSION postgres_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '10.0.0.9');
GRANT USAGE ON FOREIGN SERVER files, other TO c_martin;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO importers;

-- fires: plsh
-- evidence: somebody declared it trusted
-- severity: high
CREATE ROLE c_martin LOGIN;
CREATE TRUSTED LANGUAGE plsh HANDLER pg_catalog.plpgsql_call_handler;

-- fires: lo
-- severity: low
CREATE ROLE c_martin LOGIN;
CREATE EXTENSION lo;

-- silent: superusers and administrators only, a schema nobody enters, harmless ones
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE c_martin LOGIN;
CREATE ROLE dba_martin LOGIN;
CREATE SCHEMA apart;
CREATE EXTENSION dblink SCHEMA apart;
CREATE EXTENSION file_fdw;
GRANT USAGE ON FOREIGN DATA WRAPPER file_fdw TO dba_martin;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION pgcrypto;
CREATE LANGUAGE plsh HANDLER pg_catalog.plpgsql_call_handler;

-- silent: as it comes, superusers alone can use it
-- versions: 10-16
CREATE ROLE c_martin LOGIN;
CREATE EXTENSION adminpack;

-- silent: declared, or nobody who may connect
-- policy: [allow]
-- policy: extensions = ["dblink"]
CREATE ROLE c_martin LOGIN;
CREATE EXTENSION dblink;
CREATE EXTENSION lo;
REVOKE CONNECT ON DATABASE lab FROM PUBLIC;
