-- fires: app
-- evidence: SET on session_replication_role
-- versions: 15-
CREATE ROLE app LOGIN;
GRANT SET ON PARAMETER session_replication_role TO app;

-- fires: ops
-- evidence: ALTER SYSTEM on log_statement
-- versions: 15-
CREATE ROLE ops;
CREATE ROLE someone LOGIN IN ROLE ops;
GRANT ALTER SYSTEM ON PARAMETER log_statement TO ops;

-- silent: a parameter that everybody may set, and an administrator
-- versions: 15-
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE app LOGIN;
CREATE ROLE dba_martin LOGIN;
GRANT SET ON PARAMETER work_mem TO app;
GRANT SET ON PARAMETER log_statement TO dba_martin;

-- silent: no such grants exist
-- versions: 10-14
CREATE ROLE app LOGIN;
