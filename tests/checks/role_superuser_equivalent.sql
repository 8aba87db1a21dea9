-- fires: imports
-- evidence: imports writes any file
-- versions: 11-
CREATE ROLE imports LOGIN;
GRANT pg_write_server_files TO imports;

-- fires: nightly
-- evidence: (nightly -> jobs -> pg_execute_server_program)
-- versions: 11-
CREATE ROLE jobs NOINHERIT;
GRANT pg_execute_server_program TO jobs;
CREATE ROLE nightly LOGIN IN ROLE jobs;

-- fires: importers
-- evidence: each of its 6 members (a, b, c and 3 more) reads any file
-- versions: 11-
CREATE ROLE importers;
GRANT pg_read_server_files TO importers;
CREATE ROLE a LOGIN IN ROLE importers;
CREATE ROLE b LOGIN IN ROLE importers;
CREATE ROLE c LOGIN IN ROLE importers;
CREATE ROLE d LOGIN IN ROLE importers;
CREATE ROLE e LOGIN IN ROLE importers;
CREATE ROLE f LOGIN IN ROLE importers;

-- fires: helpdesk
-- evidence: helpdesk gives itself any role but superusers (CREATEROLE)
-- versions: 10-15
CREATE ROLE helpdesk LOGIN CREATEROLE;

-- fires: ops
-- evidence: ops chooses by ALTER SYSTEM what archive_command runs or loads
-- versions: 15-
CREATE ROLE ops LOGIN;
GRANT ALTER SYSTEM ON PARAMETER archive_command TO ops;

-- fires: PUBLIC
-- evidence: every login writes c functions
CREATE ROLE app LOGIN;
UPDATE pg_catalog.pg_language SET lanpltrusted = true WHERE lanname = 'c';

-- silent: declared
-- versions: 11-
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin LOGIN CREATEROLE;
GRANT pg_read_server_files TO dba_martin;

-- silent: CREATEROLE has no such reach any more
-- versions: 16-
CREATE ROLE helpdesk LOGIN CREATEROLE;

-- silent: superusers by membership are told by role-escalation-path, parameters by grant-set-parameter
-- versions: 15-
CREATE ROLE boss SUPERUSER NOLOGIN;
CREATE ROLE deputy LOGIN IN ROLE boss;
CREATE ROLE app LOGIN;
GRANT SET, ALTER SYSTEM ON PARAMETER log_statement TO app;

-- silent: an ordinary login
CREATE ROLE app LOGIN;
