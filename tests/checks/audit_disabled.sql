-- whoever sets session_replication_role is not seen
-- fires: lab.patient
-- evidence: trigger audit_row does not fire for replicas, trigger audit_truncate does not fire for replicas
-- severity: critical
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();

-- switched off
-- fires: lab.patient
-- evidence: trigger audit_truncate is disabled
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;
ALTER TABLE lab.patient DISABLE TRIGGER audit_truncate;

-- a table of the store; the others are intact
-- fires: lab.patient
-- evidence: trigger pgguard_audit_update is disabled
-- installed: audit
-- versions: 14-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nom text);
CREATE TABLE lab.resultat (id integer PRIMARY KEY, diagnostic text);
SELECT pgguard_audit.audit('lab.patient', 'id'), pgguard_audit.audit('lab.resultat');
ALTER TABLE lab.patient DISABLE TRIGGER pgguard_audit_update;

-- on a partition
-- fires: lab.patient
-- evidence: trigger pgguard_audit_insert on lab.patient_1 fires on replicas only
-- installed: audit
-- versions: 14-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nom text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
SELECT pgguard_audit.audit('lab.patient', 'id');
ALTER TABLE lab.patient_1 ENABLE REPLICA TRIGGER pgguard_audit_insert;

-- other code, under the same name
-- fires: lab.patient
-- evidence: its audit triggers, or their code, are not as the store makes them
-- installed: audit
-- versions: 14-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nom text);
SELECT pgguard_audit.audit('lab.patient', 'id');
CREATE OR REPLACE FUNCTION pgguard_audit.audit_delete_1() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END';
DO $$ BEGIN EXECUTE format('CREATE OR REPLACE FUNCTION %s RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS %L',
    (SELECT tgfoid::regprocedure FROM pg_trigger WHERE tgname = 'pgguard_audit_delete'), 'BEGIN RETURN NULL; END'); END $$;

-- the right function on the wrong event
-- fires: lab.patient
-- evidence: its audit triggers, or their code
-- installed: audit
-- versions: 14-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nom text);
SELECT pgguard_audit.audit('lab.patient', 'id');
ALTER EVENT TRIGGER pgguard_audit_ddl DISABLE;
DO $$ DECLARE f text := (SELECT tgfoid::regprocedure FROM pg_trigger WHERE tgname = 'pgguard_audit_update'); BEGIN
    DROP TRIGGER pgguard_audit_update ON lab.patient;
    EXECUTE format('CREATE TRIGGER pgguard_audit_update AFTER UPDATE OF nom ON lab.patient FOR EACH STATEMENT EXECUTE FUNCTION %s', f);
END $$;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER pgguard_audit_update;
ALTER EVENT TRIGGER pgguard_audit_ddl ENABLE ALWAYS;

-- fires: lab
-- evidence: event trigger pgguard_audit_ddl does not fire for replicas
-- installed: audit
-- versions: 14-
ALTER EVENT TRIGGER pgguard_audit_ddl ENABLE;

-- fires: lab
-- evidence: event trigger pgguard_audit_ddl is disabled
-- evidence: event trigger pgguard_audit_drop is gone
-- installed: audit
-- versions: 14-
ALTER EVENT TRIGGER pgguard_audit_ddl DISABLE;
DROP EVENT TRIGGER pgguard_audit_drop;

-- unknown: the store hides its state
-- installed: audit
-- versions: 14-
-- as: watcher
CREATE ROLE watcher;
GRANT pg_monitor TO watcher;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nom text);
SELECT pgguard_audit.audit('lab.patient', 'id');

-- silent: a keeper sees that all is intact
-- installed: audit
-- versions: 14-
-- as: watcher
CREATE ROLE watcher;
GRANT pg_monitor, pgguard_audit_keeper TO watcher;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nom text);
SELECT pgguard_audit.audit('lab.patient', 'id');

-- not-applicable: nothing is audited
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
