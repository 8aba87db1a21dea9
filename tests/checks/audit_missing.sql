-- one sensitive table, and nothing
-- fires: lab.patient
-- evidence: no audit trigger sees INSERT, UPDATE, DELETE, TRUNCATE
-- severity: high
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);

-- no table has it: one finding, the worst named first
-- fires: lab
-- evidence: none of the 2 sensitive tables has an audit trigger; the worst: lab.resultat, lab.patient
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);

-- some have it, others not
-- fires: lab.patient
-- evidence: INSERT, UPDATE, DELETE, TRUNCATE
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.resultat FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.resultat FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.resultat ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.resultat ENABLE ALWAYS TRIGGER audit_truncate;

-- TRUNCATE is not seen
-- fires: lab.patient
-- evidence: no audit trigger sees TRUNCATE
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;

-- DELETE is not seen
-- fires: lab.patient
-- evidence: no audit trigger sees DELETE
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;

-- somebody's own trigger keeps its traces where they can be changed
-- fires: lab.patient
CREATE SCHEMA lab;
CREATE FUNCTION lab.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.audit_row();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;

-- a function of pgguard that audits nothing
-- fires: lab.patient
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE FUNCTION pgguard.encrypt_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.encrypt_row();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;

-- with a condition it sees not every row
-- fires: lab.patient
-- evidence: INSERT, UPDATE
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE ON lab.patient FOR EACH ROW WHEN (NEW.id > 10) EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;
CREATE TRIGGER audit_delete AFTER DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_delete;

-- of some columns only
-- fires: lab.patient
-- evidence: no audit trigger sees UPDATE
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_row AFTER INSERT OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;
CREATE TRIGGER audit_update AFTER UPDATE OF nom ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_update;

-- many tables of one schema, one of them audited
-- fires: lab
-- evidence: 6 sensitive tables are not audited (lab.patient_2, lab.patient_3, lab.patient_4 and 3 more)
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient_1 (nir text);
CREATE TABLE lab.patient_2 (nir text);
CREATE TABLE lab.patient_3 (nir text);
CREATE TABLE lab.patient_4 (nir text);
CREATE TABLE lab.patient_5 (nir text);
CREATE TABLE lab.patient_6 (nir text);
CREATE TABLE lab.patient_7 (nir text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient_1 FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_1 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_truncate;

-- a waived table is told by itself
-- fires: lab.patient_1
-- fires: lab
-- evidence: none of the 6 sensitive tables
-- policy: [[waiver]]
-- policy: check = "audit-missing"
-- policy: subject = "lab.patient_1"
-- policy: reason = "written by nobody since 2019"
-- policy: owner = "RSSI"
-- policy: until = 2099-01-01
CREATE SCHEMA lab;
CREATE TABLE lab.patient_1 (nir text);
CREATE TABLE lab.patient_2 (nir text);
CREATE TABLE lab.patient_3 (nir text);
CREATE TABLE lab.patient_4 (nir text);
CREATE TABLE lab.patient_5 (nir text);
CREATE TABLE lab.patient_6 (nir text);
CREATE TABLE lab.patient_7 (nir text);

-- TRUNCATE of a partition is not seen by its parent's trigger
-- fires: lab.patient
-- evidence: no audit trigger sees TRUNCATE on 2 of its 2 partitions
-- versions: 11-
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
CREATE TABLE lab.patient_2 PARTITION OF lab.patient FOR VALUES FROM (10) TO (20);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;

-- one partition was forgotten
-- fires: lab.patient
-- evidence: no audit trigger sees TRUNCATE on 1 of its 2 partitions
-- versions: 11-
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
CREATE TABLE lab.patient_2 PARTITION OF lab.patient FOR VALUES FROM (10) TO (20);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_1 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_truncate;

-- statement triggers of a partition do not see what comes through its parent
-- fires: lab.patient
-- evidence: no audit trigger sees INSERT, UPDATE, DELETE on 2 of its 2 partitions
-- versions: 10-
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
CREATE TABLE lab.patient_2 PARTITION OF lab.patient FOR VALUES FROM (10) TO (20);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient_1 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_1 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_truncate;
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient_2 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_2 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_2 ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient_2 ENABLE ALWAYS TRIGGER audit_truncate;

-- fires: lab.patient
-- evidence: on 1 of its 2 partitions
-- versions: 10-
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
CREATE TABLE lab.patient_2 PARTITION OF lab.patient FOR VALUES FROM (10) TO (20);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient_1 FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_1 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_truncate;

-- a foreign table
-- fires: lab.patient
-- evidence: no audit trigger sees INSERT, UPDATE, DELETE
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE EXTENSION postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw;
CREATE FOREIGN TABLE lab.patient (id integer, nir text) SERVER elsewhere;

-- silent: all four, always
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TABLE lab.resultat (id integer, patient_id integer, diagnostic text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.resultat FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.resultat FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.resultat ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.resultat ENABLE ALWAYS TRIGGER audit_truncate;

-- silent: one trigger an event
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_insert AFTER INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_insert;
CREATE TRIGGER audit_update AFTER UPDATE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_update;
CREATE TRIGGER audit_delete AFTER DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_delete;
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_row();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;

-- silent: statement triggers with transition tables
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;

-- silent: every partition
-- versions: 11-
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
CREATE TABLE lab.patient_2 PARTITION OF lab.patient FOR VALUES FROM (10) TO (20);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_1 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_truncate;
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_2 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_2 ENABLE ALWAYS TRIGGER audit_truncate;

-- silent: every partition by itself
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
CREATE TABLE lab.patient_2 PARTITION OF lab.patient FOR VALUES FROM (10) TO (20);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient_1 FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_1 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_truncate;
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient_2 FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_2 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_2 ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient_2 ENABLE ALWAYS TRIGGER audit_truncate;

-- silent: statement triggers of parent and partitions
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
CREATE TABLE lab.patient_2 PARTITION OF lab.patient FOR VALUES FROM (10) TO (20);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient_1 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_1 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient_1 ENABLE ALWAYS TRIGGER audit_truncate;
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient_2 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient_2 FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient_2 ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient_2 ENABLE ALWAYS TRIGGER audit_truncate;

-- silent: a foreign table, row by row
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE EXTENSION postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw;
CREATE FOREIGN TABLE lab.patient (id integer, nir text) SERVER elsewhere;
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;

-- silent: no table is sensitive
CREATE SCHEMA lab;
CREATE TABLE lab.unit (code text, symbol text);

-- silent: who wrote a row is no patient
-- policy: [[column]]
-- policy: name = "lab.unit.saisi_par"
-- policy: category = "staff_identity"
CREATE SCHEMA lab;
CREATE TABLE lab.unit (code text, symbol text, saisi_par text);

-- silent: a view of an audited table
CREATE SCHEMA pgguard;
CREATE FUNCTION pgguard.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pgguard.audit_truncate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, nom text);
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON lab.patient FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_truncate();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_row;
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_truncate;
CREATE VIEW lab.v_patient AS SELECT * FROM lab.patient;
CREATE MATERIALIZED VIEW lab.m_patient AS SELECT * FROM lab.patient;

-- silent: a trigger for every write; that one is switched off is told by audit-disabled
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

-- silent: audited by the store
-- installed: audit
-- versions: 14-
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nom text) PARTITION BY RANGE (id);
CREATE TABLE lab.patient_1 PARTITION OF lab.patient FOR VALUES FROM (0) TO (10);
SELECT pgguard_audit.audit('lab.patient', 'id');
