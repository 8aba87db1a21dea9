-- fires: app
-- evidence: app has SET on session_replication_role
-- severity: high
-- installed: audit
-- versions: 15-
CREATE ROLE app LOGIN;
GRANT SET ON PARAMETER session_replication_role TO app;

-- fires: ops
-- evidence: ALTER SYSTEM on event_triggers, SET on event_triggers (held by one, two)
-- installed: audit
-- versions: 17-
CREATE ROLE ops;
CREATE ROLE one LOGIN IN ROLE ops;
CREATE ROLE two LOGIN IN ROLE ops;
GRANT SET, ALTER SYSTEM ON PARAMETER event_triggers TO ops;

-- a function of a superuser does it for whoever calls it
-- fires: app
-- evidence: session_replication_role set by public.import() of postgres
-- installed: audit
-- versions: 14-
CREATE ROLE app LOGIN;
CREATE FUNCTION public.import() RETURNS void LANGUAGE sql SECURITY DEFINER SET session_replication_role = replica AS '';
REVOKE ALL ON FUNCTION public.import() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.import() TO app;

-- no event trigger keeps the owner from it
-- fires: lab
-- evidence: no event trigger refuses that lab_owner disables the audit triggers of lab.patient
-- installed: audit
-- versions: 14-
CREATE ROLE lab_owner LOGIN;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nom text);
ALTER TABLE lab.patient OWNER TO lab_owner;
SELECT pgguard_audit.audit('lab.patient', 'id');
DROP EVENT TRIGGER pgguard_audit_ddl;

-- triggers by hand
-- fires: lab
-- evidence: lab_owner
CREATE ROLE lab_owner LOGIN;
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
ALTER TABLE lab.patient OWNER TO lab_owner;
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();

-- silent: event triggers refuse it, and an administrator may
-- installed: audit
-- versions: 15-
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE lab_owner LOGIN;
CREATE ROLE dba_martin LOGIN;
GRANT SET ON PARAMETER session_replication_role TO dba_martin;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nom text);
ALTER TABLE lab.patient OWNER TO lab_owner;
SELECT pgguard_audit.audit('lab.patient', 'id');

-- not-applicable: nothing is audited, and grant-set-parameter tells what may be set
CREATE ROLE lab_owner LOGIN;
