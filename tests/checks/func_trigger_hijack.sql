-- fires: lab.stamp()
-- evidence: vendor can replace what every write to lab.patient runs
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE vendor LOGIN;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
CREATE TABLE lab.patient (nir text, last_name text);
ALTER TABLE lab.patient OWNER TO lab_owner;
CREATE FUNCTION lab.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
GRANT CREATE ON SCHEMA lab TO vendor;
ALTER FUNCTION lab.stamp() OWNER TO vendor;
CREATE TRIGGER stamp BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.stamp();

-- fires: lab.stamp()
-- evidence: by_set can replace what every write to lab.patient, lab.resultat runs (owner tools)
-- versions: 11-
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE tools NOLOGIN;
CREATE ROLE by_set LOGIN NOINHERIT IN ROLE tools;
CREATE SCHEMA lab;
GRANT CREATE ON SCHEMA lab TO tools, lab_owner;
CREATE TABLE lab.patient (nir text, last_name text);
CREATE TABLE lab.resultat (nir text, last_name text);
ALTER TABLE lab.patient OWNER TO lab_owner;
ALTER TABLE lab.resultat OWNER TO lab_owner;
CREATE FUNCTION lab.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION lab.stamp() OWNER TO tools;
CREATE TRIGGER stamp BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE FUNCTION lab.stamp();
CREATE TRIGGER stamp AFTER UPDATE ON lab.resultat FOR EACH ROW EXECUTE FUNCTION lab.stamp();

-- silent: the function is the table's owner's
CREATE ROLE lab_owner LOGIN;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
CREATE TABLE lab.patient (nir text, last_name text);
ALTER TABLE lab.patient OWNER TO lab_owner;
CREATE FUNCTION lab.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION lab.stamp() OWNER TO lab_owner;
CREATE TRIGGER stamp BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.stamp();

-- silent: a superuser's function; one of a role that nobody is; one of an auditor who is declared
-- policy: [administrators]
-- policy: roles = ["auditor"]
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE nobody_is NOLOGIN;
CREATE ROLE auditor LOGIN;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
GRANT CREATE ON SCHEMA lab TO nobody_is, auditor;
CREATE TABLE lab.patient (nir text, last_name text);
ALTER TABLE lab.patient OWNER TO lab_owner;
CREATE FUNCTION lab.one() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION lab.two() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION lab.three() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION lab.two() OWNER TO nobody_is;
ALTER FUNCTION lab.three() OWNER TO auditor;
CREATE TRIGGER one BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.one();
CREATE TRIGGER two BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.two();
CREATE TRIGGER three BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.three();

-- silent: those who have the rights of the function's owner have those of the table's, too
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE tools NOLOGIN;
CREATE ROLE dba LOGIN IN ROLE tools, lab_owner;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
GRANT CREATE ON SCHEMA lab TO tools;
CREATE TABLE lab.patient (nir text, last_name text);
ALTER TABLE lab.patient OWNER TO lab_owner;
CREATE FUNCTION lab.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION lab.stamp() OWNER TO tools;
CREATE TRIGGER stamp BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.stamp();

-- silent: the trigger is disabled; the table holds nothing sensitive
CREATE ROLE vendor LOGIN;
CREATE SCHEMA lab;
GRANT CREATE ON SCHEMA lab TO vendor;
CREATE TABLE lab.patient (nir text, last_name text);
CREATE TABLE lab.postcode (code text, town text);
CREATE FUNCTION lab.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION lab.stamp() OWNER TO vendor;
CREATE TRIGGER stamp BEFORE INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.stamp();
CREATE TRIGGER stamp BEFORE INSERT ON lab.postcode FOR EACH ROW EXECUTE PROCEDURE lab.stamp();
ALTER TABLE lab.patient DISABLE TRIGGER stamp;
