-- fires: app
-- evidence: app has SET on session_replication_role
-- versions: 15-
CREATE ROLE app LOGIN;
GRANT SET ON PARAMETER session_replication_role TO app;

-- fires: someone
-- evidence: ALTER SYSTEM on log_statement through ops
-- versions: 15-
CREATE ROLE ops;
CREATE ROLE someone LOGIN IN ROLE ops;
GRANT ALTER SYSTEM ON PARAMETER log_statement TO ops;

-- fires: ops
-- evidence: SET on session_replication_role (held by one, two)
-- versions: 15-
CREATE ROLE ops;
CREATE ROLE one LOGIN IN ROLE ops;
CREATE ROLE two LOGIN IN ROLE ops;
GRANT SET ON PARAMETER session_replication_role TO ops;

-- fires: PUBLIC
-- evidence: SET on lab.key
-- fires: watcher
-- evidence: SET on log_min_messages through pg_monitor
-- versions: 15-
CREATE ROLE watcher LOGIN;
GRANT pg_monitor TO watcher;
GRANT SET ON PARAMETER lab.key TO PUBLIC;
GRANT SET ON PARAMETER log_min_messages TO pg_monitor;

-- silent: a parameter that everybody may set, an administrator, a group that nobody is in
-- versions: 15-
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE app LOGIN;
CREATE ROLE dba_martin LOGIN;
CREATE ROLE empty_group;
GRANT SET ON PARAMETER work_mem TO app;
GRANT SET ON PARAMETER log_statement TO dba_martin, empty_group;

-- silent: no such grants exist
-- versions: 10-14
CREATE ROLE app LOGIN;
