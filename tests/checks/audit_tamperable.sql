-- fires: dba_martin
-- evidence: has the rights of pgguard_audit_owner
-- fires: ops
-- evidence: has the rights of pgguard_audit_owner
-- severity: high
-- installed: audit
-- versions: 14-
CREATE ROLE dba_martin LOGIN;
CREATE ROLE team;
CREATE ROLE ops LOGIN IN ROLE team;
GRANT pgguard_audit_owner TO dba_martin, team;

-- fires: maker
-- evidence: may grant pgguard_audit_owner, to itself too
-- installed: audit
-- versions: 16-
CREATE ROLE maker LOGIN;
GRANT pgguard_audit_owner TO maker WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;

-- fires: maker
-- evidence: has CREATEROLE, which grants pgguard_audit_owner before PostgreSQL 16
-- installed: audit
-- versions: 14-15
CREATE ROLE maker LOGIN CREATEROLE;

-- fires: pgguard_audit_owner
-- evidence: pgguard_audit_owner, which owns the audit store, can log in
-- installed: audit
-- versions: 14-
ALTER ROLE pgguard_audit_owner LOGIN;

-- fires: somebody
-- evidence: owns the schema pgguard_audit
-- evidence: owns pgguard_audit.shape
-- installed: audit
-- versions: 14-
CREATE ROLE somebody LOGIN;
ALTER EVENT TRIGGER pgguard_audit_ddl DISABLE;
ALTER SCHEMA pgguard_audit OWNER TO somebody;
ALTER TABLE pgguard_audit.shape OWNER TO somebody;
ALTER FUNCTION pgguard_audit.own_word(text) OWNER TO somebody;

-- fires: app
-- evidence: may create objects in pgguard_audit, has UPDATE on pgguard_audit.entry, may call pgguard_audit.note(text, text, text[], text[])
-- installed: audit
-- versions: 14-
CREATE ROLE app LOGIN;
GRANT USAGE, CREATE ON SCHEMA pgguard_audit TO app;
GRANT UPDATE, SELECT ON pgguard_audit.entry TO app;
GRANT EXECUTE ON FUNCTION pgguard_audit.note(text, text, text[], text[]) TO app;

-- fires: lab
-- evidence: no guard that is enabled ALWAYS keeps entries of pgguard_audit.entry, pgguard_audit.entry_rest from being changed
-- severity: critical
-- installed: audit
-- versions: 14-
ALTER TABLE ONLY pgguard_audit.entry DISABLE TRIGGER pgguard_append_only;
DROP TRIGGER pgguard_append_only ON pgguard_audit.entry_rest;

-- fires: lab
-- evidence: writer may write to pgguard_audit.entry by pg_write_all_data: no row security
-- installed: audit
-- versions: 14-
CREATE ROLE writer LOGIN IN ROLE pg_write_all_data;
ALTER TABLE pgguard_audit.entry DISABLE ROW LEVEL SECURITY;

-- silent: readers, keepers, a writer of all data whom row security stops, a group that nobody is in
-- installed: audit
-- versions: 14-
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dpo LOGIN IN ROLE pgguard_audit_reader;
CREATE ROLE sealer LOGIN IN ROLE pgguard_audit_keeper;
CREATE ROLE writer LOGIN IN ROLE pg_write_all_data;
CREATE ROLE dba_martin LOGIN CREATEROLE;
CREATE ROLE empty_group;
GRANT pgguard_audit_owner TO empty_group;

-- not-applicable: no store
SELECT 1;
