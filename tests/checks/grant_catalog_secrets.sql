-- fires: app
-- evidence: can read pg_catalog.pg_authid (password verifiers)
-- severity: critical
CREATE ROLE app LOGIN;
GRANT SELECT ON pg_catalog.pg_authid TO app;

-- fires: PUBLIC
GRANT SELECT ON pg_catalog.pg_shadow TO PUBLIC;

-- fires: someone
-- evidence: files of the server (pg_read_file) through readers
-- versions: 11-
CREATE ROLE readers;
CREATE ROLE someone LOGIN IN ROLE readers;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO readers;

-- fires: readers
-- evidence: held by p1, p2, p3 and 3 more
CREATE ROLE readers;
CREATE ROLE p1 LOGIN IN ROLE readers;
CREATE ROLE p2 LOGIN IN ROLE readers;
CREATE ROLE p3 LOGIN IN ROLE readers;
CREATE ROLE p4 LOGIN IN ROLE readers;
CREATE ROLE p5 LOGIN IN ROLE readers;
CREATE ROLE p6 LOGIN NOINHERIT IN ROLE readers;
GRANT SELECT ON pg_catalog.pg_authid TO readers;

-- fires: app
-- evidence: pg_catalog.pg_authid.rolpassword
CREATE ROLE app LOGIN;
GRANT SELECT (rolname, rolpassword) ON pg_catalog.pg_authid TO app;

-- fires: barman
-- severity: low
-- fires: watcher
-- severity: low
-- evidence: the rules of pg_hba.conf
-- policy: [[service]]
-- policy: role = "barman"
-- policy: owner = "IT"
-- policy: purpose = "backup"
CREATE ROLE barman LOGIN;
CREATE ROLE watcher LOGIN;
GRANT SELECT ON pg_catalog.pg_authid TO barman;
GRANT SELECT ON pg_catalog.pg_hba_file_rules TO barman, watcher;

-- silent: PostgreSQL's own grants, columns that hold no secret, an administrator, a declared inspector
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
-- policy: [[service]]
-- policy: role = "inspector"
-- policy: owner = "IT"
-- policy: purpose = "security inspection"
CREATE ROLE app LOGIN;
CREATE ROLE dba_martin LOGIN;
CREATE ROLE inspector LOGIN;
CREATE ROLE empty_group;
GRANT pg_monitor TO app;
GRANT SELECT (rolname) ON pg_catalog.pg_authid TO app;
GRANT SELECT ON pg_catalog.pg_authid TO dba_martin, empty_group;
GRANT SELECT ON pg_catalog.pg_hba_file_rules, pg_catalog.pg_file_settings TO inspector;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules() TO inspector;

-- silent: PostgreSQL 10 lets superusers only, whatever the grants
-- versions: 10-10
CREATE ROLE app LOGIN;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO app;
