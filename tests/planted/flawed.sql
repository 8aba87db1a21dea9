-- An imaging centre that nobody looked after. `-- flaw: CHECK SUBJECT` names what the next statement plants,
-- `-- flaw 14-: ...` what it plants from that PostgreSQL on.
CREATE SCHEMA ris;
CREATE SCHEMA staging;
CREATE EXTENSION pgcrypto;

-- flaw: audit-missing mri
-- flaw: reg-not-in-register mri
-- flaw: ret-no-rule ris.patients
CREATE TABLE ris.patients (
    id bigint PRIMARY KEY, mrn text, first_name text, last_name text, date_of_birth date, phone text, site text
);
-- flaw: enc-plaintext-column ris.studies.diagnosis
CREATE TABLE ris.studies (
    id bigint PRIMARY KEY, patient_id bigint REFERENCES ris.patients, diagnosis text, performed_at timestamptz
);
CREATE TABLE ris.users (login text PRIMARY KEY, password text);
CREATE TABLE ris.modality (code text PRIMARY KEY, label text);

-- roles
-- flaw: role-generic-name reception
CREATE ROLE reception LOGIN PASSWORD 'reception';
-- flaw: pwd-guessable reception
-- flaw: role-superuser-login backup_tool
CREATE ROLE backup_tool LOGIN SUPERUSER PASSWORD 'dK2-made-up-uS';
-- flaw: role-bypassrls reporting
CREATE ROLE reporting LOGIN BYPASSRLS PASSWORD 'dK3-made-up-uS';
-- flaw: role-createrole it_helpdesk
-- flaw: role-createdb it_helpdesk
-- from 16 on CREATEROLE reaches only the roles that it made
CREATE ROLE it_helpdesk LOGIN CREATEROLE CREATEDB PASSWORD 'dK4-made-up-uS';
-- flaw: role-replication mirror
CREATE ROLE mirror LOGIN REPLICATION PASSWORD 'dK5-made-up-uS';
-- flaw: role-group-can-login radiologists
CREATE ROLE radiologists LOGIN PASSWORD 'dK6-made-up-uS';
CREATE ROLE "anna.schmidt" LOGIN PASSWORD 'dK7-made-up-uS' IN ROLE radiologists;
-- flaw: role-owner-logs-in pacs_app
CREATE ROLE pacs_app LOGIN PASSWORD 'dK8-made-up-uS';
CREATE ROLE bi_staff NOLOGIN;
CREATE ROLE bi_export LOGIN PASSWORD 'dK9-made-up-uS' IN ROLE bi_staff;
CREATE ROLE etl LOGIN PASSWORD 'dL1-made-up-uS';
DO $do$
BEGIN
    IF current_setting('server_version_num')::integer >= 110000 THEN
        -- flaw 11-: role-superuser-equivalent etl
        GRANT pg_execute_server_program TO etl;
    END IF;
    IF current_setting('server_version_num')::integer >= 140000 THEN
        -- flaw 14-: role-broad-predefined bi_export
        GRANT pg_read_all_data TO bi_staff;
    END IF;
END
$do$;
-- flaw: role-secret-in-setting pacs_app
ALTER ROLE pacs_app SET pacs.master_key = 'c2VjcmV0LW1hZGUtdXAtMTIz';
-- flaw: role-setting-override etl
ALTER ROLE etl SET session_replication_role = 'replica';
-- flaw: pwd-md5 old_viewer
SET password_encryption = 'md5';
CREATE ROLE old_viewer LOGIN PASSWORD 'dL2-made-up-uS';
RESET password_encryption;
-- flaw: pwd-expired-still-open locum
CREATE ROLE locum LOGIN PASSWORD 'dL3-made-up-uS' VALID UNTIL '2020-01-01';
-- flaw: pwd-missing kiosk
CREATE ROLE kiosk LOGIN;
CREATE ROLE ris_reader NOLOGIN;
CREATE ROLE "p.legrand" LOGIN PASSWORD 'dL4-made-up-uS' IN ROLE ris_reader;

ALTER TABLE ris.patients OWNER TO pacs_app;
ALTER TABLE ris.studies OWNER TO pacs_app;
GRANT USAGE ON SCHEMA ris TO PUBLIC;

-- grants
-- flaw: grant-public-table ris.studies
GRANT SELECT ON ris.studies TO PUBLIC;
-- flaw: grant-public-schema-create staging
GRANT ALL ON SCHEMA staging TO PUBLIC;
ALTER DATABASE mri SET search_path = staging, ris, public;
-- flaw: grant-public-database mri
-- flaw: grant-public-default ris
ALTER DEFAULT PRIVILEGES FOR ROLE pacs_app IN SCHEMA ris GRANT SELECT, UPDATE ON TABLES TO PUBLIC;
-- flaw: grant-public-definer ris.find_patient(text)
-- flaw: func-definer-search-path ris.find_patient(text)
-- flaw: func-definer-injection ris.find_patient(text)
-- flaw: role-escalation-path PUBLIC
CREATE FUNCTION ris.find_patient(pattern text) RETURNS SETOF ris.patients
LANGUAGE plpgsql SECURITY DEFINER AS $f$
DECLARE
    query text;
BEGIN
    query := format('SELECT * FROM ris.patients WHERE last_name LIKE ''%s%%''', pattern);
    RETURN QUERY EXECUTE query;
END
$f$;
-- flaw: grant-public-large-object mri
SELECT lo_create(800001);
GRANT SELECT, UPDATE ON LARGE OBJECT 800001 TO PUBLIC;
-- flaw: grant-option old_viewer
GRANT SELECT ON ris.patients TO old_viewer WITH GRANT OPTION;
-- flaw: grant-direct-to-person "anna.schmidt"
GRANT SELECT ON ris.patients TO "anna.schmidt";
-- flaw: grant-destructive ris.patients
GRANT TRUNCATE, TRIGGER ON ris.patients TO reception;
-- before 11 the function asks for a superuser itself
-- flaw 11-: grant-catalog-secrets bi_export
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO bi_staff;

-- flaw: enc-statistics-plaintext ris.patients
INSERT INTO ris.patients (id, mrn, last_name)
SELECT n, 'made up ' || n, 'Plant ' || n % 7 FROM generate_series(1, 100) AS n;
ANALYZE ris.patients;
GRANT SELECT ON pg_catalog.pg_statistic TO kiosk;
-- flaw: enc-index-plaintext ris.patients_mrn_md5
CREATE INDEX patients_mrn_md5 ON ris.patients (md5(mrn));

-- row security
-- flaw: rls-not-enabled ris.patients
CREATE POLICY own_site ON ris.patients USING (site = current_setting('ris.site', true));
-- flaw: rls-always-true ris.studies
-- flaw: rls-not-forced ris.studies
ALTER TABLE ris.studies ENABLE ROW LEVEL SECURITY;
CREATE POLICY anybody ON ris.studies FOR SELECT USING (1 = 1);
-- flaw: rls-bypassing-view ris.v_studies
CREATE VIEW ris.v_studies AS SELECT * FROM ris.studies;
ALTER VIEW ris.v_studies OWNER TO pacs_app;
GRANT SELECT ON ris.v_studies TO ris_reader;

-- functions, extensions, secrets
-- flaw: enc-key-in-database ris.seal(text)
CREATE FUNCTION ris.seal(value text) RETURNS bytea LANGUAGE plpgsql AS $f$
DECLARE
    passphrase CONSTANT text := 'made-up-passphrase-7';
BEGIN
    RETURN public.pgp_sym_encrypt(value, passphrase);
END
$f$;
-- flaw: enc-weak-primitive ris.token(text)
CREATE FUNCTION ris.token(mrn text) RETURNS text LANGUAGE sql AS $f$
    SELECT encode(public.encrypt(convert_to(mrn, 'UTF8'), convert_to(current_setting('ris.k'), 'UTF8'), 'des-ecb'), 'hex')
$f$;
-- flaw: func-embedded-secret ris.push()
CREATE FUNCTION ris.push() RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    RETURN 'host=10.9.8.7 dbname=hub user=hub password=made-up-hub-pw';
END
$f$;
-- flaw: ext-dangerous dblink
CREATE EXTENSION dblink;
-- flaw: ext-stored-secret pacs_remote
CREATE EXTENSION postgres_fdw;
CREATE SERVER pacs_remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '10.1.1.1', dbname 'pacs');
CREATE USER MAPPING FOR pacs_app SERVER pacs_remote OPTIONS (user 'remote', password 'made-up-fdw-pw');
-- flaw: trigger-disabled ris.patients
CREATE TABLE ris.log (at timestamptz, what text);
CREATE FUNCTION ris.note() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    INSERT INTO ris.log VALUES (now(), TG_OP);
    RETURN NULL;
END
$f$;
CREATE TRIGGER note_change AFTER UPDATE ON ris.patients FOR EACH ROW EXECUTE PROCEDURE ris.note();
ALTER TABLE ris.patients DISABLE TRIGGER note_change;
-- leftovers and replication
-- flaw: ret-leftover-copy staging.patients_bak_20230401
CREATE TABLE staging.patients_bak_20230401 AS SELECT * FROM ris.patients;
-- flaw: repl-sensitive-publication to_university
CREATE PUBLICATION to_university FOR TABLE ris.studies;
