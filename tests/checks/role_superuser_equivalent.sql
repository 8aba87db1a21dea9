-- fires: imports
-- evidence: writes any file
-- versions: 11-
CREATE ROLE imports LOGIN;
GRANT pg_write_server_files TO imports;

-- fires: deputy
-- evidence: deputy -> admins -> boss
CREATE ROLE boss SUPERUSER NOLOGIN;
CREATE ROLE admins IN ROLE boss;
CREATE ROLE deputy LOGIN IN ROLE admins;

-- silent: declared
-- versions: 11-
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin LOGIN;
GRANT pg_read_server_files TO dba_martin;

-- silent: an ordinary login
CREATE ROLE app LOGIN;
