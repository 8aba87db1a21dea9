-- fires: lis
-- evidence: 95 days: DELETE on care.patient
-- learnt: 95 pg_stat_statements
-- used: lis care.patient nir SELECT
CREATE ROLE lis LOGIN;
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer, nir text, last_name text);
GRANT SELECT, DELETE ON care.patient TO lis;

-- fires: staff
-- evidence: SELECT on care.patient.last_name
-- learnt: 95 pg_stat_statements
-- used: ada care.patient nir SELECT
CREATE ROLE staff;
CREATE ROLE ada LOGIN IN ROLE staff;
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer, nir text, last_name text);
GRANT SELECT (nir), SELECT (last_name) ON care.patient TO staff;

-- fires: lis
-- learnt: 95 server.csv
-- conf: log_statement = all
CREATE ROLE lis LOGIN;
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer, nir text, last_name text);
GRANT SELECT ON care.patient TO lis;

-- fires: public
-- learnt: 95 pg_stat_statements
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer, nir text, last_name text);
GRANT SELECT ON care.patient TO PUBLIC;

-- silent: all of it was used, by a member and by the view of an owner; what is not sensitive does not count
-- learnt: 95 pg_stat_statements
-- used: ada care.patient nir SELECT
-- used: keeper care.patient last_name SELECT
-- used: ada care.patient * LOCK
CREATE ROLE staff;
CREATE ROLE keeper;
CREATE ROLE ada LOGIN IN ROLE staff;
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer, nir text, last_name text);
CREATE TABLE care.price (code text, amount integer);
GRANT SELECT, UPDATE ON care.patient TO staff;
GRANT SELECT ON care.patient TO keeper;
GRANT SELECT ON care.price TO staff;
CREATE VIEW care.names AS SELECT last_name FROM care.patient;
ALTER VIEW care.names OWNER TO keeper;

-- silent: an administrator, and the owner
-- learnt: 95 pg_stat_statements
-- policy: administrators = {roles = ["dba"]}
CREATE ROLE dba LOGIN;
CREATE ROLE boss;
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer, nir text, last_name text);
ALTER TABLE care.patient OWNER TO boss;
GRANT SELECT ON care.patient TO dba;

-- unknown: too few days
-- learnt: 40 pg_stat_statements
CREATE ROLE lis LOGIN;
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer, nir text, last_name text);
GRANT SELECT ON care.patient TO lis;

-- unknown: not every statement is logged
-- learnt: 95 server.csv
CREATE ROLE lis LOGIN;
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer, nir text, last_name text);
GRANT SELECT ON care.patient TO lis;

-- unknown: a statement of a member was cut
-- learnt: 95 pg_stat_statements
-- untold: ada any
CREATE ROLE staff;
CREATE ROLE ada LOGIN IN ROLE staff;
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer, nir text, last_name text);
GRANT SELECT ON care.patient TO staff;

-- unknown: what a view's owner needs is not known where anybody's statement was cut
-- learnt: 95 pg_stat_statements
-- untold: ada care.names
CREATE ROLE keeper;
CREATE ROLE ada LOGIN;
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer, nir text, last_name text);
GRANT SELECT ON care.patient TO keeper;
CREATE VIEW care.names AS SELECT last_name FROM care.patient;
ALTER VIEW care.names OWNER TO keeper;

-- not-applicable: nothing was learnt
-- watched: 95
CREATE ROLE lis LOGIN;
