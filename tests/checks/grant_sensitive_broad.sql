-- fires: lab.patient
-- evidence: 3 logins can read lab.patient.nir (national_id), 3 by grants to staff
-- evidence: the policy allows 2
-- severity: high
-- policy: [thresholds]
-- policy: sensitive_readers = 2
CREATE ROLE staff NOLOGIN;
CREATE ROLE p1 LOGIN IN ROLE staff;
CREATE ROLE p2 LOGIN IN ROLE staff;
CREATE ROLE p3 LOGIN NOINHERIT IN ROLE staff;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO staff;
CREATE TABLE lab.patient (nir text, last_name text);
GRANT SELECT ON lab.patient TO staff;

-- fires: lab.patient
-- evidence: 3 logins can read lab.patient.nir (national_id), 1 by grants to p1, 2 through lab.v
-- policy: [thresholds]
-- policy: sensitive_readers = 2
CREATE ROLE readers NOLOGIN;
CREATE ROLE p1 LOGIN;
CREATE ROLE p2 LOGIN IN ROLE readers;
CREATE ROLE p3 LOGIN IN ROLE readers;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO p1, readers;
CREATE TABLE lab.patient (nir text, last_name text);
GRANT SELECT (nir) ON lab.patient TO p1;
CREATE VIEW lab.v AS SELECT nir FROM lab.patient;
GRANT SELECT ON lab.v TO readers;

-- fires: lab
-- evidence: 6 sensitive tables have too many readers: 3 logins can read lab.patient6.nir (national_id), 3 by grants to staff
-- policy: [thresholds]
-- policy: sensitive_readers = 2
CREATE ROLE staff NOLOGIN;
CREATE ROLE p1 LOGIN IN ROLE staff;
CREATE ROLE p2 LOGIN IN ROLE staff;
CREATE ROLE p3 LOGIN IN ROLE staff;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO staff;
CREATE TABLE lab.patient1 (nir text);
CREATE TABLE lab.patient2 (nir text);
CREATE TABLE lab.patient3 (nir text);
CREATE TABLE lab.patient4 (nir text);
CREATE TABLE lab.patient5 (nir text);
CREATE TABLE lab.patient6 (nir text);
GRANT SELECT ON ALL TABLES IN SCHEMA lab TO staff;

-- silent: as many as the policy allows; a third without USAGE on the schema; an administrator
-- policy: [thresholds]
-- policy: sensitive_readers = 2
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE staff NOLOGIN;
CREATE ROLE p1 LOGIN IN ROLE staff;
CREATE ROLE p2 LOGIN IN ROLE staff;
CREATE ROLE p3 LOGIN;
CREATE ROLE dba_martin LOGIN IN ROLE staff;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO staff;
CREATE TABLE lab.patient (nir text, last_name text);
GRANT SELECT ON lab.patient TO staff, p3;

-- silent: a masked view and a count are no reading of the column
-- policy: [thresholds]
-- policy: sensitive_readers = 2
CREATE ROLE staff NOLOGIN;
CREATE ROLE p1 LOGIN IN ROLE staff;
CREATE ROLE p2 LOGIN IN ROLE staff;
CREATE ROLE p3 LOGIN IN ROLE staff;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO staff;
CREATE TABLE lab.patient (nir text);
CREATE VIEW lab.v AS SELECT left(nir, 1) AS sex FROM lab.patient;
CREATE VIEW lab.w AS SELECT count(nir) AS patients FROM lab.patient;
GRANT SELECT ON lab.v, lab.w TO staff;

-- silent: by PUBLIC and by pg_read_all_data, which others tell
-- versions: 14-
-- policy: [thresholds]
-- policy: sensitive_readers = 2
CREATE ROLE p1 LOGIN;
CREATE ROLE p2 LOGIN;
CREATE ROLE p3 LOGIN;
GRANT pg_read_all_data TO p1, p2, p3;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (nir text);
CREATE TABLE lab.resultat (nir text);
GRANT SELECT ON lab.patient TO PUBLIC;

-- fires: lab
-- evidence: 21 sensitive tables have too many readers
-- policy: [thresholds]
-- policy: sensitive_readers = 1
CREATE ROLE staff;
CREATE ROLE one LOGIN IN ROLE staff;
CREATE ROLE two LOGIN IN ROLE staff;
DO $do$ BEGIN FOR n IN 1..21 LOOP
    EXECUTE format('CREATE SCHEMA s%s', n);
    EXECUTE format('GRANT USAGE ON SCHEMA s%s TO staff', n);
    EXECUTE format('CREATE TABLE s%s.patient (nir text, nom text)', n);
    EXECUTE format('GRANT SELECT ON s%s.patient TO staff', n);
END LOOP; END $do$;

-- of columns that as many read the worst is named, and says how bad it is
-- fires: lab.t
-- evidence: 3 logins can read lab.t.b (genetic), 3 by grants to staff
-- severity: critical
-- policy: [thresholds]
-- policy: sensitive_readers = 2
-- policy: [[column]]
-- policy: name = "lab.t.a"
-- policy: category = "contact"
-- policy: [[column]]
-- policy: name = "lab.t.b"
-- policy: category = "genetic"
CREATE ROLE staff NOLOGIN;
CREATE ROLE p1 LOGIN IN ROLE staff;
CREATE ROLE p2 LOGIN IN ROLE staff;
CREATE ROLE p3 LOGIN IN ROLE staff;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO staff;
CREATE TABLE lab.t (a text, b text);
GRANT SELECT ON lab.t TO staff;

-- who wrote a row is no patient
-- fires: lab.t
-- evidence: lab.t.saisi_par (staff_identity)
-- severity: low
-- policy: [thresholds]
-- policy: sensitive_readers = 2
-- policy: [[column]]
-- policy: name = "lab.t.saisi_par"
-- policy: category = "staff_identity"
CREATE ROLE staff NOLOGIN;
CREATE ROLE p1 LOGIN IN ROLE staff;
CREATE ROLE p2 LOGIN IN ROLE staff;
CREATE ROLE p3 LOGIN IN ROLE staff;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO staff;
CREATE TABLE lab.t (saisi_par text);
GRANT SELECT ON lab.t TO staff;
