-- as PostgreSQL comes
-- fires: log_error_verbosity
-- evidence: log_error_verbosity = default: DETAIL lines show the keys and rows that fail (lab.patient in database lab)
-- severity: medium
-- fires: log_min_error_statement
-- evidence: log_min_error_statement = error: statements that fail are logged with the values in them
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text, nom text);

-- nothing can fail for a constraint, statements can
-- fires: log_min_error_statement
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nom text);

-- a key of the sensitive column
-- fires: log_error_verbosity
-- fires: log_min_error_statement
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text UNIQUE, nom text);

-- fires: log_error_verbosity
-- fires: log_min_error_statement
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nom text);
CREATE UNIQUE INDEX ON lab.patient (nom);

-- fires: log_error_verbosity
-- fires: log_min_error_statement
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nom text, CHECK (rang > 0));

-- a unique key that is no person's shows no sensitive value
-- fires: log_min_error_statement
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer, nir text, nom text, UNIQUE (rang));

-- verbose is no better than default
-- fires: log_error_verbosity
-- evidence: = verbose
-- conf: log_error_verbosity = verbose
-- conf: log_min_error_statement = panic
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text);

-- terse alone leaves the statement
-- fires: log_min_error_statement
-- conf: log_error_verbosity = terse
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text);

-- one database has its own
-- fires: lab
-- evidence: log_error_verbosity = default for this database
-- conf: log_error_verbosity = terse
-- conf: log_min_error_statement = fatal
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text);
ALTER DATABASE lab SET log_error_verbosity = 'default';

-- fires: lab
-- evidence: log_min_error_statement = error for all roles
-- conf: log_error_verbosity = terse
-- conf: log_min_error_statement = fatal
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text);
ALTER ROLE ALL SET log_min_error_statement = 'error';

-- one login has its own
-- fires: lis_app
-- evidence: log_error_verbosity = verbose for this login
-- conf: log_error_verbosity = terse
-- conf: log_min_error_statement = panic
CREATE ROLE lis_app LOGIN;
ALTER ROLE lis_app SET log_error_verbosity = 'verbose';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text);

-- silent: neither DETAIL nor statements
-- conf: log_error_verbosity = terse
-- conf: log_min_error_statement = panic
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text UNIQUE);

-- silent: errors are not logged, which others tell
-- conf: log_min_messages = fatal
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text UNIQUE);

-- silent: the database with the data has its own
ALTER DATABASE lab SET log_error_verbosity = 'terse';
ALTER DATABASE lab SET log_min_error_statement = 'PANIC';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text UNIQUE);

-- silent: whoever cannot log in logs nothing
-- conf: log_error_verbosity = terse
-- conf: log_min_error_statement = panic
CREATE ROLE readers NOLOGIN;
ALTER ROLE readers SET log_error_verbosity = 'default';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text);

-- silent: a login's own setting that somebody answers for
-- conf: log_error_verbosity = terse
-- conf: log_min_error_statement = panic
-- policy: [[setting]]
-- policy: role = "lis_test"
-- policy: name = "log_error_verbosity"
-- policy: reason = "made-up patients only"
CREATE ROLE lis_test LOGIN;
ALTER ROLE lis_test SET log_error_verbosity = 'default';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text);

-- silent: what can fail shows ciphertext
CREATE EXTENSION pgcrypto;
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir bytea, nir_blind bytea UNIQUE);
CREATE VIEW lab.v_patient AS SELECT rang, pgp_sym_decrypt(nir, current_setting('lab.key')) AS nir FROM lab.patient;

-- silent: no column is sensitive
CREATE SCHEMA lab;
CREATE TABLE lab.unit (code text PRIMARY KEY, symbol text NOT NULL);

-- unknown: the inspecting login has a value of its own, which hides the cluster's
-- cluster: the setting is another one's
-- as: auditor
-- hba: local all auditor trust
CREATE ROLE auditor LOGIN;
GRANT pg_monitor TO auditor;
ALTER ROLE auditor SET log_error_verbosity = 'verbose';
CREATE SCHEMA lab;
CREATE TABLE lab.patient (rang integer PRIMARY KEY, nir text);
ALTER DATABASE lab SET log_min_error_statement = 'panic';

-- fires: log_destination
-- evidence: csvlog shows the keys and rows that fail, even with log_error_verbosity = terse
-- severity: low
-- conf: log_error_verbosity = terse
-- conf: log_min_error_statement = panic
-- conf: log_destination = stderr,csvlog
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer PRIMARY KEY, nir text NOT NULL, last_name text, first_name text);

-- silent: terse keeps it out of stderr
-- conf: log_error_verbosity = terse
-- conf: log_min_error_statement = panic
-- conf: log_destination = stderr
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer PRIMARY KEY, nir text NOT NULL, last_name text, first_name text);
