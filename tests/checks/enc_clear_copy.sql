-- fires: lab.v_export
-- evidence: hands nir, last_name of lab.patient in clear to stagiaire, who may not read it
-- severity: high
CREATE ROLE medecins NOLOGIN;
CREATE ROLE "dr.house" LOGIN IN ROLE medecins;
CREATE ROLE stagiaire LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO medecins, stagiaire;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
GRANT SELECT ON lab.patient TO medecins;
CREATE VIEW lab.v_export AS SELECT * FROM lab.patient;
GRANT SELECT ON lab.v_export TO stagiaire;

-- fires: lab.m_patient
-- evidence: hands nir, last_name of lab.patient in clear to stagiaire
CREATE ROLE stagiaire LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO stagiaire;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
CREATE MATERIALIZED VIEW lab.m_patient AS SELECT nir, upper(last_name) AS who FROM lab.patient;
GRANT SELECT ON lab.m_patient TO stagiaire;

-- fires: lab.m_illness
-- evidence: hands nom of lab.patient in clear to statistik
CREATE ROLE statistik LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO statistik;
CREATE TABLE lab.patient (id integer, nom text, date_naissance date);
CREATE TABLE lab.result (patient_id integer, diagnosis text, comment text);
CREATE MATERIALIZED VIEW lab.m_illness AS
SELECT p.nom, r.diagnosis FROM lab.patient AS p JOIN lab.result AS r ON r.patient_id = p.id;
GRANT SELECT ON lab.m_illness TO statistik;

-- silent: a list for the ward, and a materialized view without names
CREATE ROLE nurse LOGIN;
CREATE ROLE doctor LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO nurse, doctor;
CREATE TABLE lab.result (patient_id integer, nom text, diagnosis text, comment text);
CREATE VIEW lab.v_ward AS SELECT nom, diagnosis FROM lab.result;
CREATE MATERIALIZED VIEW lab.m_diagnoses AS SELECT patient_id, diagnosis FROM lab.result;
GRANT SELECT ON lab.result TO doctor;
GRANT SELECT ON lab.v_ward, lab.m_diagnoses TO nurse;

-- fires: lab.export()
-- evidence: hands nir, last_name of lab.patient in clear to stagiaire
CREATE ROLE medecins LOGIN;
CREATE ROLE stagiaire LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO medecins, stagiaire;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
GRANT SELECT ON lab.patient TO medecins;
CREATE FUNCTION lab.export() RETURNS SETOF lab.patient LANGUAGE sql SECURITY DEFINER
AS 'SELECT * FROM lab.patient';
REVOKE EXECUTE ON FUNCTION lab.export() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lab.export() TO stagiaire;

-- fires: lab.v_nir
-- evidence: hands nir of lab.patient in clear to a, b
CREATE ROLE medecin LOGIN;
CREATE ROLE staff NOLOGIN;
CREATE ROLE a LOGIN IN ROLE staff;
CREATE ROLE b LOGIN IN ROLE staff;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO medecin, staff;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
GRANT SELECT ON lab.patient TO medecin;
CREATE VIEW lab.v_inner AS SELECT n, nir FROM lab.patient;
CREATE VIEW lab.v_nir AS SELECT v_inner.nir FROM lab.v_inner;
GRANT SELECT ON lab.v_nir TO staff;

-- fires: far.patient
-- evidence: hands nir, last_name of lab.patient in clear to stagiaire
CREATE ROLE stagiaire LOGIN;
CREATE SCHEMA lab;
CREATE SCHEMA far;
GRANT USAGE ON SCHEMA far TO stagiaire;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w;
CREATE FOREIGN TABLE far.patient (n integer, nir text, last_name text) SERVER s;
GRANT SELECT ON far.patient TO stagiaire;

-- fires: lab
-- evidence: 6 objects (lab.v1, lab.v2, lab.v3 and 3 more) hand sensitive tables to others: lab.v1 hands nir
CREATE ROLE medecin LOGIN;
CREATE ROLE stagiaire LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO medecin, stagiaire;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
CREATE VIEW lab.v1 AS SELECT * FROM lab.patient;
CREATE VIEW lab.v2 AS SELECT * FROM lab.patient;
CREATE VIEW lab.v3 AS SELECT * FROM lab.patient;
CREATE VIEW lab.v4 AS SELECT * FROM lab.patient;
CREATE VIEW lab.v5 AS SELECT * FROM lab.patient;
CREATE VIEW lab.v6 AS SELECT * FROM lab.patient;
GRANT SELECT ON ALL TABLES IN SCHEMA lab TO stagiaire;
REVOKE SELECT ON lab.patient FROM stagiaire;
GRANT SELECT ON lab.patient TO medecin;

-- silent: views for those who need less: columns left out, masked, counted, chosen rows
CREATE ROLE medecin LOGIN;
CREATE ROLE reception NOLOGIN;
CREATE ROLE a LOGIN IN ROLE reception;
CREATE ROLE b LOGIN IN ROLE reception;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO medecin, reception;
CREATE TABLE lab.patient (n integer, nir text, last_name text, date_of_birth date, city text);
GRANT SELECT ON lab.patient TO medecin;
CREATE VIEW lab.v_names AS SELECT n, last_name FROM lab.patient;
CREATE VIEW lab.v_masked AS SELECT n, left(nir, 1) AS sex, last_name FROM lab.patient;
CREATE VIEW lab.v_hashed AS SELECT n, md5(nir) AS person FROM lab.patient;
CREATE VIEW lab.v_cities AS SELECT city, count(nir) AS patients FROM lab.patient GROUP BY city;
CREATE VIEW lab.v_today AS SELECT * FROM lab.patient WHERE city = 'Nullepart';
GRANT SELECT ON lab.v_names, lab.v_masked, lab.v_hashed, lab.v_cities, lab.v_today TO reception;

-- silent: the view is the only door to the table
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE medecins NOLOGIN;
CREATE ROLE "dr.house" LOGIN IN ROLE medecins;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
CREATE SCHEMA api AUTHORIZATION lab_owner;
GRANT USAGE ON SCHEMA api TO medecins;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
ALTER TABLE lab.patient OWNER TO lab_owner;
CREATE VIEW api.patient AS SELECT * FROM lab.patient;
ALTER VIEW api.patient OWNER TO lab_owner;
GRANT SELECT ON api.patient TO medecins;

-- silent: its readers may read the table, too; nobody can get to it; its owner cannot read the table
CREATE ROLE medecin LOGIN;
CREATE ROLE stagiaire LOGIN;
CREATE ROLE porter NOLOGIN;
CREATE SCHEMA lab;
CREATE SCHEMA closed;
GRANT USAGE ON SCHEMA lab TO medecin, stagiaire, porter;
GRANT CREATE ON SCHEMA lab TO porter;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
GRANT SELECT ON lab.patient TO medecin;
CREATE VIEW lab.v AS SELECT * FROM lab.patient;
CREATE VIEW closed.v AS SELECT * FROM lab.patient;
CREATE VIEW lab.broken AS SELECT * FROM lab.patient;
ALTER VIEW lab.broken OWNER TO porter;
GRANT SELECT ON lab.v TO medecin;
GRANT SELECT ON closed.v, lab.broken TO stagiaire;

-- silent: a view that reads as its user
-- versions: 15-
CREATE ROLE medecin LOGIN;
CREATE ROLE stagiaire LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO medecin, stagiaire;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
GRANT SELECT ON lab.patient TO medecin;
CREATE VIEW lab.v WITH (security_invoker = on) AS SELECT * FROM lab.patient;
GRANT SELECT ON lab.v TO stagiaire;

-- silent: a declared service; what PUBLIC may read is told by grant-public-table
-- policy: [[service]]
-- policy: role = "warehouse"
-- policy: owner = "IT"
-- policy: purpose = "nightly load"
CREATE ROLE medecin LOGIN;
CREATE ROLE warehouse LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
GRANT SELECT ON lab.patient TO medecin;
CREATE VIEW lab.v AS SELECT * FROM lab.patient;
CREATE VIEW lab.w AS SELECT * FROM lab.patient;
GRANT SELECT ON lab.v TO warehouse;
GRANT SELECT ON lab.w TO PUBLIC;

-- silent: a function that looks one patient up
CREATE ROLE medecin LOGIN;
CREATE ROLE stagiaire LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO medecin, stagiaire;
CREATE TABLE lab.patient (n integer, nir text, last_name text);
GRANT SELECT ON lab.patient TO medecin;
CREATE FUNCTION lab.find(integer) RETURNS SETOF lab.patient LANGUAGE sql SECURITY DEFINER
AS 'SELECT * FROM lab.patient WHERE n = $1';
CREATE FUNCTION lab.mine() RETURNS SETOF lab.patient LANGUAGE sql SECURITY DEFINER
AS 'SELECT * FROM lab.patient WHERE last_name = session_user';
REVOKE EXECUTE ON FUNCTION lab.find(integer), lab.mine() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lab.find(integer), lab.mine() TO stagiaire;
