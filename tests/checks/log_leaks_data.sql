-- fires: log_statement
-- evidence: log_statement = all: every statement
-- evidence: lab.patient.nir
-- severity: high
-- conf: log_statement = all
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id int, nir text);

-- fires: log_statement
-- evidence: keys given to pgcrypto
-- severity: high
-- conf: log_statement = mod
CREATE EXTENSION pgcrypto;

-- fires: log_statement
-- evidence: no column is known to be sensitive
-- severity: low
-- conf: log_statement = all

-- fires: log_min_duration_statement
-- evidence: log_min_duration_statement = 0ms: every statement
-- severity: high
-- fires: debug_print_plan
-- evidence: parse trees
-- conf: log_min_duration_statement = 0
-- conf: debug_print_plan = on
CREATE TABLE patient (id int, nir text);

-- fires: log_min_duration_statement
-- evidence: 2000ms: slower statements
-- severity: medium
-- conf: log_min_duration_statement = 2s
CREATE TABLE patient (id int, nir text);

-- fires: log_min_duration_sample
-- severity: high
-- fires: log_parameter_max_length_on_error
-- evidence: failing statements
-- severity: high
-- fires: log_transaction_sample_rate
-- versions: 13-
-- conf: log_min_duration_sample = 0
-- conf: log_parameter_max_length_on_error = -1
-- conf: log_transaction_sample_rate = 0.5
CREATE TABLE patient (id int, nir text);

-- fires: auto_explain.log_min_duration
-- evidence: auto_explain.log_min_duration = 0ms
-- conf: session_preload_libraries = auto_explain
-- conf: auto_explain.log_min_duration = 0
CREATE TABLE patient (id int, nir text);

-- silent: ddl
-- conf: log_statement = ddl
CREATE TABLE patient (id int, nir text);

-- silent: no values of slow statements, no sampling
-- versions: 13-
-- conf: log_min_duration_statement = 1000
-- conf: log_parameter_max_length = 0
-- conf: log_min_duration_sample = 0
-- conf: log_statement_sample_rate = 0
CREATE TABLE patient (id int, nir text);

-- silent: not loaded
-- conf: auto_explain.log_min_duration = 0
CREATE TABLE patient (id int, nir text);

-- silent: told by role-setting-override
-- cluster: sessions of the role have it
CREATE TABLE patient (id int, nir text);
CREATE ROLE app LOGIN;
ALTER ROLE app SET log_statement = 'all';
