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
