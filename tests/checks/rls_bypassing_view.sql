-- fires: lab.v_demande
-- evidence: shows labo rows of lab.demande, because owner lab_owner has the rights of the table's owner
-- severity: high
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.demande (n integer, patient text, medecin text);
ALTER TABLE lab.demande OWNER TO lab_owner;
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON lab.demande USING (medecin = current_user);
CREATE VIEW lab.v_demande AS SELECT * FROM lab.demande;
ALTER VIEW lab.v_demande OWNER TO lab_owner;
GRANT SELECT ON lab.v_demande TO labo;

-- fires: lab.v_demande
-- evidence: owner postgres is a superuser
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.demande FORCE ROW LEVEL SECURITY;
CREATE VIEW lab.v_demande AS SELECT n, patient FROM lab.demande;
GRANT SELECT (n) ON lab.demande TO labo;
GRANT SELECT ON lab.v_demande TO PUBLIC;

-- fires: lab.m_demande
-- evidence: owner porter has BYPASSRLS
CREATE ROLE porter NOLOGIN BYPASSRLS;
CREATE ROLE readers NOLOGIN;
CREATE ROLE labo LOGIN IN ROLE readers;
CREATE SCHEMA lab;
GRANT USAGE, CREATE ON SCHEMA lab TO porter, readers;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.demande FORCE ROW LEVEL SECURITY;
CREATE MATERIALIZED VIEW lab.m_demande AS SELECT n, patient FROM lab.demande;
ALTER MATERIALIZED VIEW lab.m_demande OWNER TO porter;
GRANT SELECT ON lab.m_demande TO readers;

-- fires: lab.v_inner
-- evidence: shows labo rows of lab.demande
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE VIEW lab.v_inner AS SELECT n, patient FROM lab.demande;
CREATE VIEW lab.v_outer AS SELECT patient FROM lab.v_inner;
GRANT SELECT ON lab.v_outer TO labo;

-- fires: lab
-- evidence: 6 views (lab.v1, lab.v2, lab.v3 and 3 more) show labo rows of lab.demande
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE VIEW lab.v1 AS SELECT * FROM lab.demande;
CREATE VIEW lab.v2 AS SELECT * FROM lab.demande;
CREATE VIEW lab.v3 AS SELECT * FROM lab.demande;
CREATE VIEW lab.v4 AS SELECT * FROM lab.demande;
CREATE VIEW lab.v5 AS SELECT * FROM lab.demande;
CREATE VIEW lab.v6 AS SELECT * FROM lab.demande;
GRANT SELECT ON ALL TABLES IN SCHEMA lab TO labo;
REVOKE SELECT ON lab.demande FROM labo;

-- fires: lab.v_count
-- severity: low
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.demande (service text, n integer);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE VIEW lab.v_count AS SELECT service, count(*) AS demandes FROM lab.demande GROUP BY service;
GRANT SELECT ON lab.v_count TO labo;

-- fires: lab.v_diagnoses
-- severity: low
-- fires: lab.v_persons
-- severity: high
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.result (patient_id integer, patient_nom text, diagnosis text);
ALTER TABLE lab.result ENABLE ROW LEVEL SECURITY;
CREATE VIEW lab.v_diagnoses AS SELECT diagnosis, count(*) AS results FROM lab.result GROUP BY diagnosis;
CREATE VIEW lab.v_persons AS SELECT patient_nom, count(*) AS results FROM lab.result GROUP BY patient_nom;
GRANT SELECT ON lab.v_diagnoses, lab.v_persons TO labo;

-- fires: lab.v_mine
-- severity: low
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.demande (medecin text, n integer);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE VIEW lab.v_mine AS SELECT * FROM lab.demande WHERE medecin = current_user;
GRANT SELECT ON lab.v_mine TO labo;

-- fires: lab.v_demande
-- evidence: shows labo rows of lab.demande
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE POLICY anybody ON lab.demande USING (true);
CREATE VIEW lab.v_demande AS SELECT * FROM lab.demande;
GRANT SELECT ON lab.v_demande, lab.demande TO labo;

-- silent: a view that reads as its user
-- versions: 15-
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON lab.demande USING (patient = current_user);
CREATE VIEW lab.v_demande WITH (security_invoker) AS SELECT * FROM lab.demande;
GRANT SELECT ON lab.v_demande, lab.demande TO labo;

-- silent: the policies hold the view's owner
CREATE ROLE porter NOLOGIN;
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo, porter;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON lab.demande USING (n < 3);
CREATE VIEW lab.v_demande AS SELECT * FROM lab.demande;
GRANT CREATE ON SCHEMA lab TO porter;
ALTER VIEW lab.v_demande OWNER TO porter;
GRANT SELECT ON lab.demande TO porter;
GRANT SELECT ON lab.v_demande TO labo;

-- silent: row security is forced on the owner of both
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande OWNER TO lab_owner;
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.demande FORCE ROW LEVEL SECURITY;
CREATE POLICY part ON lab.demande USING (n < 3);
CREATE VIEW lab.v_demande AS SELECT * FROM lab.demande;
ALTER VIEW lab.v_demande OWNER TO lab_owner;
GRANT SELECT ON lab.v_demande TO labo;

-- silent: nobody else can read the view; its readers have no USAGE on the schema
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE VIEW lab.v_demande AS SELECT * FROM lab.demande;
CREATE VIEW lab.v_other AS SELECT * FROM lab.demande;
GRANT SELECT ON lab.v_demande TO labo;

-- silent: its readers see every row of the table anyway
CREATE ROLE chief LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO chief;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON lab.demande FOR SELECT TO chief USING (true);
CREATE VIEW lab.v_demande AS SELECT * FROM lab.demande;
GRANT SELECT ON lab.v_demande, lab.demande TO chief;

-- silent: the owner of the view may no longer read the table, so that the view fails for everybody
CREATE ROLE porter NOLOGIN BYPASSRLS;
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo, porter;
GRANT CREATE ON SCHEMA lab TO porter;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE VIEW lab.v_demande AS SELECT * FROM lab.demande;
ALTER VIEW lab.v_demande OWNER TO porter;
GRANT SELECT ON lab.v_demande TO labo;

-- silent: its only readers are declared administrators
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO dba_martin;
CREATE TABLE lab.demande (n integer, patient text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE VIEW lab.v_demande AS SELECT * FROM lab.demande;
GRANT SELECT ON lab.v_demande TO dba_martin;

-- silent: no row security
CREATE ROLE labo LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE TABLE lab.demande (n integer, patient text);
CREATE VIEW lab.v_demande AS SELECT * FROM lab.demande;
GRANT SELECT ON lab.v_demande TO labo;
