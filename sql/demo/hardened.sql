-- The same laboratory, run as it should be: nothing here is planted, and the inspection of it has
-- to be quiet. Passwords are not set here: the demo hands over SCRAM verifiers of random ones.

-- Nobody logs in as an owner; capability roles hold the grants; people hold the capability roles.
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE lab_biology NOLOGIN;
CREATE ROLE lab_reception NOLOGIN;

CREATE ROLE "c.martin" LOGIN CONNECTION LIMIT 3 VALID UNTIL '2099-01-01';
CREATE ROLE "p.bernard" LOGIN CONNECTION LIMIT 3 VALID UNTIL '2099-01-01';
CREATE ROLE lis_app LOGIN CONNECTION LIMIT 20;
CREATE ROLE dba_durand LOGIN CONNECTION LIMIT 3 VALID UNTIL '2099-01-01' CREATEROLE CREATEDB;
GRANT lab_biology TO "c.martin";
GRANT lab_reception TO "p.bernard";
GRANT lab_biology, lab_reception TO lis_app;

REVOKE ALL ON DATABASE lab FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
GRANT CONNECT ON DATABASE lab TO lab_biology, lab_reception;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

ALTER SCHEMA lab OWNER TO lab_owner;
ALTER TABLE lab.patient OWNER TO lab_owner;
ALTER TABLE lab.demande OWNER TO lab_owner;
ALTER TABLE lab.resultat OWNER TO lab_owner;
ALTER TABLE lab.genotype OWNER TO lab_owner;
ALTER TABLE lab.code_postal OWNER TO lab_owner;
ALTER DEFAULT PRIVILEGES FOR ROLE lab_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- How old a row is, for the rules of retention.
ALTER TABLE lab.patient ADD COLUMN vu_le date NOT NULL DEFAULT date '2026-01-01';
ALTER TABLE lab.resultat ADD COLUMN valide_le date NOT NULL DEFAULT date '2026-01-01';
ALTER TABLE lab.genotype ADD COLUMN preleve_le date NOT NULL DEFAULT date '2026-01-01';

-- Encrypted where it is stored, with a key that applications bring along in each session: that of this
-- throwaway database is gone once it is loaded.
CREATE SCHEMA crypto;
CREATE EXTENSION pgcrypto SCHEMA crypto;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA crypto FROM PUBLIC;
GRANT USAGE ON SCHEMA crypto TO lab_owner;
GRANT EXECUTE ON FUNCTION crypto.pgp_sym_decrypt(bytea, text) TO lab_owner;
SELECT set_config('lab.session_key', encode(crypto.gen_random_bytes(32), 'hex'), false);
ALTER TABLE lab.patient ALTER COLUMN nir TYPE bytea
    USING crypto.pgp_sym_encrypt(nir, current_setting('lab.session_key'), 'cipher-algo=aes256');
ALTER TABLE lab.resultat ALTER COLUMN valeur TYPE bytea
    USING crypto.pgp_sym_encrypt(valeur::text, current_setting('lab.session_key'), 'cipher-algo=aes256');
ALTER TABLE lab.resultat ALTER COLUMN commentaire TYPE bytea
    USING crypto.pgp_sym_encrypt(commentaire, current_setting('lab.session_key'), 'cipher-algo=aes256');
ALTER TABLE lab.genotype ALTER COLUMN hgvs TYPE bytea
    USING crypto.pgp_sym_encrypt(hgvs, current_setting('lab.session_key'), 'cipher-algo=aes256');
RESET lab.session_key;

CREATE FUNCTION lab.dechiffrer(chiffre bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$ SELECT crypto.pgp_sym_decrypt(chiffre, current_setting('lab.session_key')) $body$;
REVOKE EXECUTE ON FUNCTION lab.dechiffrer(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lab.dechiffrer(bytea) TO lab_biology, lab_reception;
ALTER FUNCTION lab.dechiffrer(bytea) OWNER TO lab_owner;

CREATE VIEW lab.patient_en_clair AS
SELECT patient_id, lab.dechiffrer(nir) AS nir, nom, prenom, date_naissance FROM lab.patient;
CREATE VIEW lab.resultat_en_clair AS
SELECT resultat_id, demande_id, lab.dechiffrer(valeur)::numeric AS valeur, lab.dechiffrer(commentaire) AS commentaire
FROM lab.resultat;
CREATE FUNCTION lab.genotype_de(patient integer) RETURNS SETOF text
LANGUAGE sql STABLE AS $body$ SELECT lab.dechiffrer(g.hgvs) FROM lab.genotype AS g WHERE g.patient_id = patient $body$;
ALTER VIEW lab.patient_en_clair OWNER TO lab_owner;
ALTER VIEW lab.resultat_en_clair OWNER TO lab_owner;
ALTER FUNCTION lab.genotype_de(integer) OWNER TO lab_owner;
REVOKE EXECUTE ON FUNCTION lab.genotype_de(integer) FROM PUBLIC;
GRANT SELECT ON lab.patient_en_clair TO lab_reception, lab_biology;
GRANT SELECT ON lab.resultat_en_clair TO lab_biology;
GRANT EXECUTE ON FUNCTION lab.genotype_de(integer) TO lab_biology;

-- The planner keeps no values of what stays in clear.
ALTER TABLE lab.patient
    ALTER COLUMN nom SET STATISTICS 0, ALTER COLUMN prenom SET STATISTICS 0,
    ALTER COLUMN date_naissance SET STATISTICS 0, ALTER COLUMN telephone SET STATISTICS 0;

-- Who wrote what, and nobody who works with the tables may change that.
CREATE ROLE audit_owner NOLOGIN;
CREATE SCHEMA pgguard AUTHORIZATION audit_owner;
CREATE TABLE pgguard.journal (
    quand timestamptz NOT NULL DEFAULT clock_timestamp(),
    qui   text NOT NULL DEFAULT session_user,
    quoi  text NOT NULL,
    ou    oid NOT NULL
);
CREATE FUNCTION pgguard.audit_ecriture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    INSERT INTO pgguard.journal (quoi, ou) VALUES (TG_OP, TG_RELID);
    RETURN NULL;
END
$body$;
REVOKE EXECUTE ON FUNCTION pgguard.audit_ecriture() FROM PUBLIC;
ALTER TABLE pgguard.journal OWNER TO audit_owner;
ALTER FUNCTION pgguard.audit_ecriture() OWNER TO audit_owner;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON lab.patient
FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_ecriture();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON lab.demande
FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_ecriture();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON lab.resultat
FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_ecriture();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON lab.genotype
FOR EACH STATEMENT EXECUTE PROCEDURE pgguard.audit_ecriture();
ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit;
ALTER TABLE lab.demande ENABLE ALWAYS TRIGGER audit;
ALTER TABLE lab.resultat ENABLE ALWAYS TRIGGER audit;
ALTER TABLE lab.genotype ENABLE ALWAYS TRIGGER audit;

GRANT USAGE ON SCHEMA lab TO lab_biology, lab_reception;
GRANT SELECT, INSERT, UPDATE ON lab.patient, lab.demande TO lab_reception;
GRANT SELECT ON lab.patient, lab.demande TO lab_biology;
GRANT SELECT, INSERT, UPDATE ON lab.resultat TO lab_biology;
GRANT SELECT ON lab.code_postal TO lab_reception, lab_biology;

-- Genetics apart: only rows that a policy lets through, and the owner does not log in.
ALTER TABLE lab.genotype ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.genotype FORCE ROW LEVEL SECURITY;
CREATE POLICY nobody_yet ON lab.genotype FOR SELECT TO lab_biology USING (false);

-- A definer function as it should be written.
CREATE FUNCTION lab.count_urgent(since timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$ SELECT count(*) FROM lab.demande WHERE urgent AND recue_le >= since $body$;
REVOKE EXECUTE ON FUNCTION lab.count_urgent(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lab.count_urgent(timestamptz) TO lab_biology;
ALTER FUNCTION lab.count_urgent(timestamptz) OWNER TO lab_owner;
