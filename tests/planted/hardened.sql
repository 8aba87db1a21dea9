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
    id bigint PRIMARY KEY, mrn text, first_name text, last_name text, date_of_birth date, phone text, site text
);
CREATE TABLE ris.studies (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, patient_id bigint REFERENCES ris.patients,
    diagnosis text, performed_at timestamptz
);
CREATE TABLE ris.studies_history (LIKE ris.studies, changed_at timestamptz, changed_by text);
CREATE TABLE ris.measurement (at timestamptz NOT NULL, study bigint, value numeric) PARTITION BY RANGE (at);
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
RESET ROLE;
