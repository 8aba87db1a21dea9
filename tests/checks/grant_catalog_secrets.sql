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

-- fires: app
-- evidence: can read lab.logins (a view of password verifiers)
-- fires: auditor
-- evidence: can read lab.stacked (a view of password verifiers)
-- fires: clerk
-- evidence: can read lab.logins.secret (a view of password verifiers)
CREATE ROLE app LOGIN;
CREATE ROLE auditor LOGIN;
CREATE ROLE clerk LOGIN;
CREATE SCHEMA lab;
CREATE VIEW lab.logins AS SELECT s.usename AS who, s.passwd AS secret FROM pg_shadow s;
CREATE VIEW lab.stacked AS SELECT upper(l.secret) AS loud FROM lab.logins l;
CREATE VIEW lab.names AS SELECT who FROM lab.logins;
GRANT USAGE ON SCHEMA lab TO app, auditor, clerk;
GRANT SELECT ON lab.logins TO app;
GRANT SELECT ON lab.stacked TO auditor;
GRANT SELECT (who, secret) ON lab.logins TO clerk;
GRANT SELECT ON lab.names TO clerk;

-- silent: views that leave the secret out, whose owner may not read it, that nobody else reads
CREATE ROLE app LOGIN;
CREATE ROLE clerk LOGIN;
CREATE SCHEMA lab;
CREATE VIEW lab.logins AS SELECT rolname, rolcanlogin, rolpassword IS NULL AS empty FROM pg_authid;
CREATE VIEW lab.clerks AS SELECT usename, passwd FROM pg_shadow;
ALTER VIEW lab.clerks OWNER TO clerk;
CREATE VIEW lab.own AS SELECT usename, passwd FROM pg_shadow;
GRANT USAGE ON SCHEMA lab TO app;
GRANT SELECT ON lab.logins, lab.clerks TO app;

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
