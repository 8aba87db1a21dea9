-- The same imaging centre, looked after: nothing here may be called worse than low.
CREATE ROLE ris_owner NOLOGIN;
CREATE ROLE ris_reader NOLOGIN;
CREATE ROLE ris_writer NOLOGIN;
CREATE ROLE pacs_app LOGIN CONNECTION LIMIT 40;
CREATE ROLE "anna.schmidt" LOGIN CONNECTION LIMIT 3;
CREATE ROLE "p.legrand" LOGIN CONNECTION LIMIT 3;
CREATE ROLE dba_weber LOGIN CONNECTION LIMIT 3 CREATEROLE CREATEDB;
CREATE ROLE standby_b LOGIN REPLICATION CONNECTION LIMIT 5;
CREATE ROLE monitor LOGIN CONNECTION LIMIT 5;
GRANT pg_monitor TO monitor;
GRANT ris_reader TO "anna.schmidt", "p.legrand";
GRANT ris_reader, ris_writer TO pacs_app;

REVOKE ALL ON DATABASE mri FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE mri TO ris_reader, ris_writer, dba_weber;
GRANT CONNECT ON DATABASE mri, postgres TO monitor;

CREATE SCHEMA ris AUTHORIZATION ris_owner;
CREATE SCHEMA crypto;
CREATE EXTENSION pgcrypto SCHEMA crypto;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA crypto FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE ris_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON SCHEMA ris TO ris_reader, ris_writer;

SET ROLE ris_owner;
CREATE TABLE ris.patients (
    id bigint PRIMARY KEY, mrn text, first_name text, last_name text, date_of_birth date, phone text, site text,
    mrn_blind bytea, last_seen date
);
CREATE INDEX patients_mrn_blind ON ris.patients (mrn_blind);
CREATE TABLE ris.studies (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, patient_id bigint REFERENCES ris.patients,
    diagnosis bytea, performed_at timestamptz
);
CREATE TABLE ris.studies_history (LIKE ris.studies, changed_at timestamptz, changed_by text);
CREATE TABLE ris.measurement (at timestamptz NOT NULL, study bigint, value bytea) PARTITION BY RANGE (at);
CREATE TABLE ris.measurement_2025 PARTITION OF ris.measurement FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE ris.measurement_2026 PARTITION OF ris.measurement FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE ris.modality (code text PRIMARY KEY, label text);
CREATE TABLE ris.import_mapping (code text PRIMARY KEY, target text);
GRANT SELECT ON ALL TABLES IN SCHEMA ris TO ris_reader;
GRANT INSERT, UPDATE ON ris.patients, ris.studies TO ris_writer;

ALTER TABLE ris.patients ENABLE ROW LEVEL SECURITY;
ALTER TABLE ris.patients FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON ris.patients FOR SELECT TO ris_reader USING (site = current_setting('ris.site', true));
CREATE POLICY app_all ON ris.patients TO pacs_app USING (true) WITH CHECK (true);
CREATE POLICY app_only ON ris.patients AS RESTRICTIVE TO pacs_app
    USING (current_setting('ris.tenant', true) = site);

CREATE FUNCTION ris.keep_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    INSERT INTO ris.studies_history SELECT OLD.*, clock_timestamp(), session_user;
    RETURN NULL;
END
$f$;
CREATE TRIGGER keep_history AFTER UPDATE OR DELETE ON ris.studies
    FOR EACH ROW EXECUTE PROCEDURE ris.keep_history();

CREATE FUNCTION ris.count_table(name text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    found bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM ris.%I', name) INTO found;
    RETURN found;
END
$f$;
GRANT EXECUTE ON FUNCTION ris.count_table(text) TO ris_reader;

DO $do$
BEGIN
    -- sha256 came with 11
    IF current_setting('server_version_num')::integer >= 110000 THEN
        CREATE FUNCTION ris.fingerprint(value text) RETURNS text
        LANGUAGE sql IMMUTABLE AS $f$ SELECT encode(sha256(convert_to(value, 'UTF8')), 'hex') $f$;
    END IF;
END
$do$;
CREATE VIEW ris.activity AS SELECT date_trunc('day', performed_at) AS day, count(*) AS studies FROM ris.studies GROUP BY 1;
GRANT SELECT ON ris.activity TO ris_reader;

-- what is encrypted has an IV before it, and a key that the application sets for its session
CREATE FUNCTION ris.open_text(sealed bytea) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    session_key bytea := decode(current_setting('ris.session_key'), 'hex');
BEGIN
    RETURN convert_from(
        crypto.decrypt_iv(substr(sealed, 17), session_key, substr(sealed, 1, 16), 'aes-cbc/pad:pkcs'), 'UTF8');
END
$f$;
GRANT EXECUTE ON FUNCTION ris.open_text(bytea) TO ris_reader;
CREATE VIEW ris.studies_read AS
    SELECT id, patient_id, ris.open_text(diagnosis) AS diagnosis, performed_at FROM ris.studies;
CREATE VIEW ris.history_read AS
    SELECT id, patient_id, ris.open_text(diagnosis) AS diagnosis, changed_at FROM ris.studies_history;
CREATE VIEW ris.measurement_read AS SELECT at, study, ris.open_text(value)::numeric AS value FROM ris.measurement;
GRANT SELECT ON ris.studies_read, ris.history_read, ris.measurement_read TO ris_reader;

-- the planner keeps nothing of what stays in clear
ALTER TABLE ris.patients
    ALTER COLUMN mrn SET STATISTICS 0, ALTER COLUMN first_name SET STATISTICS 0,
    ALTER COLUMN last_name SET STATISTICS 0, ALTER COLUMN date_of_birth SET STATISTICS 0,
    ALTER COLUMN phone SET STATISTICS 0;
RESET ROLE;
GRANT USAGE ON SCHEMA crypto TO ris_owner;
GRANT EXECUTE ON FUNCTION crypto.decrypt_iv(bytea, bytea, bytea, text) TO ris_owner;

CREATE ROLE trail_owner NOLOGIN;
CREATE SCHEMA pgguard AUTHORIZATION trail_owner;
SET ROLE trail_owner;
CREATE TABLE pgguard.trail (at timestamptz NOT NULL, login text NOT NULL, event text NOT NULL, relation oid NOT NULL);
CREATE FUNCTION pgguard.audit_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    INSERT INTO pgguard.trail VALUES (clock_timestamp(), session_user, TG_OP, TG_RELID);
    RETURN NULL;
END
$f$;
REVOKE EXECUTE ON FUNCTION pgguard.audit_row() FROM PUBLIC;
RESET ROLE;
DO $do$
DECLARE
    watched regclass;
BEGIN
    -- before 11 a partitioned table cannot have triggers for rows
    FOREACH watched IN ARRAY ARRAY['ris.patients', 'ris.studies', 'ris.studies_history', 'ris.measurement_2025',
                                   'ris.measurement_2026']::regclass[] LOOP
        EXECUTE format('CREATE TRIGGER audit_rows AFTER INSERT OR UPDATE OR DELETE ON %s '
                       'FOR EACH ROW EXECUTE PROCEDURE pgguard.audit_row()', watched);
        EXECUTE format('CREATE TRIGGER audit_truncate AFTER TRUNCATE ON %s '
                       'FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_row()', watched);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_rows', watched);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_truncate', watched);
    END LOOP;
END
$do$;
