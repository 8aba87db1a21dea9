-- fires: shared_preload_libraries
-- evidence: nothing tells who reads care.patient in database lab
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer PRIMARY KEY, nir text, last_name text, first_name text);

-- silent: no column is sensitive
CREATE SCHEMA care;
CREATE TABLE care.ward (code text PRIMARY KEY, beds integer);

-- silent: only who of the staff wrote a row
-- policy: [[column]]
-- policy: name = "care.ward.written_by"
-- policy: category = "staff_identity"
CREATE SCHEMA care;
CREATE TABLE care.ward (code text PRIMARY KEY, beds integer, written_by text);

-- silent: every statement is in the log
-- conf: log_statement = all
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer PRIMARY KEY, nir text, last_name text, first_name text);

-- fires: shared_preload_libraries
-- conf: log_statement = all
ALTER DATABASE lab SET log_statement = 'ddl';
ALTER DATABASE postgres SET log_statement = 'all';
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer PRIMARY KEY, nir text, last_name text, first_name text);

-- fires: shared_preload_libraries
-- evidence: pgaudit is not loaded
-- conf: pgaudit.log = read
-- conf: pgaudit.role = somebody
CREATE SCHEMA care;
CREATE TABLE care.patient (id integer PRIMARY KEY, nir text, last_name text, first_name text);
