-- fires: waiver of role-createdb on lab_ap
-- cluster: it is meant for any database, and all of them are looked at
-- evidence: it covers no finding; it is RSSI's, until 2999-06-30
-- severity: low
-- policy: [[waiver]]
-- policy: check = "role-createdb"
-- policy: subject = "lab_ap"
-- policy: reason = "migration"
-- policy: owner = "RSSI"
-- policy: until = 2999-06-30
CREATE ROLE lab_app LOGIN CREATEDB;

-- fires: waiver of ret-leftover-copy on lab.patient_old
-- policy: [[waiver]]
-- policy: check = "ret-leftover-copy"
-- policy: subject = "lab.patient_old"
-- policy: database = "no_such_database"
-- policy: reason = "migration"
-- policy: owner = "RSSI"
-- policy: until = 2999-06-30
SELECT 1;

-- silent: it covers a finding
-- cluster: it is meant for any database, and all of them are looked at
-- policy: [[waiver]]
-- policy: check = "role-createdb"
-- policy: subject = "lab_app"
-- policy: reason = "migration"
-- policy: owner = "RSSI"
-- policy: until = 2999-06-30
CREATE ROLE lab_app LOGIN CREATEDB;

-- silent: it has ended, or begins later: it covers nothing
-- cluster: all of them are looked at
-- policy: [[waiver]]
-- policy: check = "role-createdb"
-- policy: subject = "one"
-- policy: reason = "migration"
-- policy: owner = "RSSI"
-- policy: until = 2020-06-30
-- policy: [[waiver]]
-- policy: check = "role-createdb"
-- policy: subject = "another"
-- policy: reason = "migration"
-- policy: owner = "RSSI"
-- policy: since = 2999-06-01
-- policy: until = 2999-06-30
SELECT 1;

-- silent: it may be meant for a database that is not looked at
-- policy: [[waiver]]
-- policy: check = "role-createdb"
-- policy: subject = "lab_ap"
-- policy: reason = "migration"
-- policy: owner = "RSSI"
-- policy: until = 2999-06-30
SELECT 1;

-- silent: its check has nothing to judge here
-- cluster: all of them are looked at
-- policy: [[waiver]]
-- policy: check = "reg-not-in-register"
-- policy: subject = "lab"
-- policy: reason = "the register is being written"
-- policy: owner = "DPO"
-- policy: until = 2999-06-30
SELECT 1;

-- fires: waiver of ret-leftover-copy on lab.patient_older
-- policy: [[waiver]]
-- policy: check = "ret-leftover-copy"
-- policy: subject = "lab.patient_old"
-- policy: database = "lab"
-- policy: reason = "migration"
-- policy: owner = "RSSI"
-- policy: until = 2999-06-30
-- policy: [[waiver]]
-- policy: check = "ret-leftover-copy"
-- policy: subject = "lab.patient_older"
-- policy: database = "lab"
-- policy: reason = "migration"
-- policy: owner = "RSSI"
-- policy: until = 2999-06-30
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer, nir text, diagnostic text);
CREATE TABLE lab.patient_old (id integer, nir text, diagnostic text);

-- unknown: the check of the waiver cannot be evaluated
-- cluster: all of them are looked at
-- as: little
-- policy: [[waiver]]
-- policy: check = "hba-md5"
-- policy: subject = "pg_hba.conf:1"
-- policy: reason = "an old client"
-- policy: owner = "RSSI"
-- policy: until = 2999-06-30
CREATE ROLE little LOGIN;
