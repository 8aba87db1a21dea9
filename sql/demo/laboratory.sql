-- The laboratory as its vendor left it. Every line `-- flaw: CHECK SUBJECT` names what the next
-- statement plants, `-- flaw 14-: ...` what it plants from that PostgreSQL on; the demo's test
-- holds the inspection to all of them.

-- Logins -------------------------------------------------------------------------------------

-- flaw: role-generic-name labo
-- flaw: pwd-md5 labo
-- flaw: pwd-guessable labo
-- flaw: role-shared-login labo
CREATE ROLE labo LOGIN PASSWORD 'labo';

-- flaw: role-generic-name secretariat
CREATE ROLE secretariat LOGIN;

-- flaw: role-superuser-login vendor_support
CREATE ROLE vendor_support LOGIN SUPERUSER;

-- flaw: role-createrole dev_leroy
-- flaw: role-createdb dev_leroy
CREATE ROLE dev_leroy LOGIN CREATEROLE CREATEDB;

-- flaw: role-replication sauvegarde
CREATE ROLE sauvegarde LOGIN REPLICATION;

-- flaw: role-bypassrls statistiques
CREATE ROLE statistiques LOGIN BYPASSRLS;

-- flaw: role-group-can-login biologistes
CREATE ROLE biologistes LOGIN;
-- flaw: role-no-connection-limit "c.petit"
CREATE ROLE "c.petit" LOGIN IN ROLE biologistes;

-- flaw: role-owner-logs-in lis_app
CREATE ROLE lis_app LOGIN;

CREATE ROLE infocentre LOGIN;
CREATE ROLE imports LOGIN;
DO $do$
BEGIN
    IF current_setting('server_version_num')::integer >= 110000 THEN
        -- flaw 11-: role-superuser-equivalent imports
        GRANT pg_write_server_files TO imports;
    END IF;
    IF current_setting('server_version_num')::integer >= 140000 THEN
        -- flaw 14-: role-broad-predefined infocentre
        GRANT pg_read_all_data TO infocentre;
    END IF;
END
$do$;

-- flaw: grant-option chef_labo
CREATE ROLE chef_labo LOGIN;

-- flaw: role-secret-in-setting lis_app
ALTER ROLE lis_app SET lis.encryption_key = 'not-a-real-key-4f1d2c';

-- flaw: role-setting-override labo
ALTER ROLE labo SET log_min_duration_statement = '0';

ALTER TABLE lab.patient OWNER TO lis_app;
ALTER TABLE lab.demande OWNER TO lis_app;
ALTER TABLE lab.resultat OWNER TO lis_app;
ALTER TABLE lab.genotype OWNER TO lis_app;

-- Grants -------------------------------------------------------------------------------------

GRANT USAGE ON SCHEMA lab TO PUBLIC;

-- flaw: grant-public-table lab.patient
GRANT SELECT ON lab.patient TO PUBLIC;

-- flaw: grant-destructive lab.resultat
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lab.resultat TO labo;

GRANT SELECT, INSERT, UPDATE ON lab.demande TO labo;
GRANT SELECT ON lab.demande TO chef_labo WITH GRANT OPTION;

-- flaw: grant-public-schema-create public
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;

-- flaw: grant-public-database lab
GRANT CONNECT, TEMPORARY ON DATABASE lab TO PUBLIC;

-- flaw: grant-public-default lab
ALTER DEFAULT PRIVILEGES IN SCHEMA lab GRANT SELECT ON TABLES TO PUBLIC;

-- flaw: grant-catalog-secrets labo
GRANT SELECT ON pg_catalog.pg_authid TO labo;

-- flaw: grant-public-large-object lab
SELECT lo_create(900001);
GRANT SELECT ON LARGE OBJECT 900001 TO PUBLIC;

-- Row security -------------------------------------------------------------------------------

-- flaw: rls-not-enabled lab.genotype
CREATE POLICY genetics ON lab.genotype USING (current_user = 'geneticien');

-- flaw: rls-always-true lab.demande
CREATE POLICY everybody ON lab.demande USING (true);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;

-- flaw: rls-not-forced lab.demande
-- flaw: rls-bypassing-view lab.v_demande
CREATE VIEW lab.v_demande AS SELECT * FROM lab.demande;
GRANT SELECT ON lab.v_demande TO labo;

-- Functions and triggers ---------------------------------------------------------------------

-- flaw: func-definer-search-path lab.chercher(text)
-- flaw: func-definer-injection lab.chercher(text)
-- flaw: role-escalation-path PUBLIC
-- flaw: grant-public-definer lab.chercher(text)
CREATE FUNCTION lab.chercher(champ text) RETURNS SETOF lab.patient
LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN
    RETURN QUERY EXECUTE 'SELECT * FROM lab.patient WHERE ' || champ || ' IS NOT NULL';
END
$body$;

-- flaw: enc-key-in-database lab.chiffrer(text)
-- flaw: enc-weak-primitive lab.empreinte(text)
CREATE EXTENSION pgcrypto;
CREATE FUNCTION lab.chiffrer(clair text) RETURNS bytea
LANGUAGE sql AS $body$ SELECT pgp_sym_encrypt(clair, 'not-a-real-key-81b') $body$;
CREATE FUNCTION lab.empreinte(nir text) RETURNS bytea
LANGUAGE sql AS $body$ SELECT digest(nir, 'md5') $body$;

-- flaw: enc-index-plaintext lab.patient_empreinte
CREATE INDEX patient_empreinte ON lab.patient (digest(nir, 'sha256'));

-- flaw: enc-statistics-plaintext lab.genotype
ANALYZE lab.genotype;
GRANT SELECT ON pg_catalog.pg_statistic TO chef_labo;

-- flaw: func-embedded-secret lab.appeler_hl7()
CREATE FUNCTION lab.appeler_hl7() RETURNS text
LANGUAGE plpgsql AS $body$
DECLARE
    mot_de_passe text := 'not-a-real-password';
BEGIN
    RETURN 'postgresql://hl7:' || mot_de_passe || '@10.1.2.3/hl7';
END
$body$;

-- flaw: trigger-disabled lab.resultat
CREATE TABLE lab.journal (quand timestamptz, quoi text);
CREATE FUNCTION lab.journaliser() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO lab.journal VALUES (now(), TG_OP);
    RETURN NULL;
END
$body$;
CREATE TRIGGER journal AFTER INSERT OR UPDATE OR DELETE ON lab.resultat
FOR EACH ROW EXECUTE PROCEDURE lab.journaliser();
ALTER TABLE lab.resultat DISABLE TRIGGER journal;

-- What a migration and an export left --------------------------------------------------------

-- flaw: ret-leftover-copy lab.patient_migration_2019
CREATE TABLE lab.patient_migration_2019 AS SELECT * FROM lab.patient;

-- flaw: repl-sensitive-publication export_labo
CREATE PUBLICATION export_labo FOR TABLE lab.patient, lab.resultat;
