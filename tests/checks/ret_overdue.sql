-- by a timestamp and by a date, in tables and partitions; rows without an age are none
-- fires: lab.result
-- evidence: 3 rows are older than 240 months by received_at
-- severity: high
-- fires: lab.visit
-- evidence: 1 row is older than 12 months by day
-- policy: [[retention]]
-- policy: table = "lab.result"
-- policy: months = 240
-- policy: age_column = "received_at"
-- policy: [[retention]]
-- policy: table = "lab.visit"
-- policy: months = 12
-- policy: age_column = "day"
-- overdue: counted
CREATE SCHEMA lab;
CREATE TABLE lab.result (id integer, received_at timestamp with time zone);
INSERT INTO lab.result VALUES (1, '2000-01-01'), (2, '2001-01-01'), (3, '-infinity'), (4, now()), (5, NULL);
CREATE TABLE lab.visit (id integer, day date) PARTITION BY RANGE (day);
CREATE TABLE lab.visit_old PARTITION OF lab.visit FOR VALUES FROM ('2000-01-01') TO ('2001-01-01');
CREATE TABLE lab.visit_new PARTITION OF lab.visit FOR VALUES FROM ('2001-01-01') TO ('9999-01-01');
INSERT INTO lab.visit VALUES (1, '2000-06-01'), (2, current_date);

-- more than are counted
-- fires: lab.result
-- evidence: 10,000 rows or more are older
-- policy: [[retention]]
-- policy: table = "lab.result"
-- policy: months = 240
-- policy: age_column = "received_at"
-- overdue: counted
CREATE SCHEMA lab;
CREATE TABLE lab.result AS
    SELECT n AS id, timestamp '2000-01-01' AS received_at FROM generate_series(1, 10001) AS n;

-- what is to be emptied and is not, by a login that may only read
-- fires: lab.result
-- evidence: 1 row is older than 240 months by received_at, and not emptied (anonymise)
-- policy: [[retention]]
-- policy: table = "lab.result"
-- policy: months = 240
-- policy: age_column = "received_at"
-- policy: action = "anonymise"
-- policy: columns = ["note"]
-- overdue: counted
-- as: auditor
CREATE SCHEMA lab;
CREATE TABLE lab.result (id integer, note text, received_at timestamp);
INSERT INTO lab.result VALUES (1, 'made up', '2000-01-01'), (2, NULL, '2000-01-01');
CREATE ROLE auditor LOGIN PASSWORD 'only-for-this-test-run-7b1c';
GRANT USAGE ON SCHEMA lab TO auditor;
GRANT SELECT ON lab.result TO auditor;

-- silent: younger, emptied, or under a hold
-- policy: [[retention]]
-- policy: table = "lab.result"
-- policy: months = 240
-- policy: age_column = "received_at"
-- policy: [[hold]]
-- policy: table = "lab.patient"
-- policy: rows = "id = 7"
-- policy: reason = "lawsuit"
-- policy: owner = "legal"
-- overdue: counted
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id integer PRIMARY KEY);
CREATE TABLE lab.result (id integer, patient_id integer REFERENCES lab.patient, received_at timestamp);
INSERT INTO lab.patient VALUES (7);
INSERT INTO lab.result VALUES (1, NULL, now()), (2, 7, '2000-01-01');

-- not-applicable: the policy has no rule
-- overdue: counted
CREATE SCHEMA lab;

-- not-applicable: a snapshot from a file
-- policy: [[retention]]
-- policy: table = "lab.result"
-- policy: months = 240
-- policy: age_column = "received_at"
CREATE SCHEMA lab;

-- unknown: the rows are closed to the inspecting login
-- policy: [[retention]]
-- policy: table = "lab.result"
-- policy: months = 240
-- policy: age_column = "received_at"
-- overdue: counted
-- as: auditor
CREATE SCHEMA lab;
CREATE TABLE lab.result (id integer, received_at timestamp);
CREATE ROLE auditor LOGIN PASSWORD 'only-for-this-test-run-7b1c';

-- unknown: row security would hide rows
-- policy: [[retention]]
-- policy: table = "lab.result"
-- policy: months = 240
-- policy: age_column = "received_at"
-- overdue: counted
-- as: auditor
CREATE SCHEMA lab;
CREATE TABLE lab.result (id integer, received_at timestamp);
ALTER TABLE lab.result ENABLE ROW LEVEL SECURITY;
CREATE ROLE auditor LOGIN PASSWORD 'only-for-this-test-run-7b1c';
GRANT USAGE ON SCHEMA lab TO auditor;
GRANT SELECT ON lab.result TO auditor;

-- unknown: the age column is gone
-- policy: [[retention]]
-- policy: table = "lab.result"
-- policy: months = 240
-- policy: age_column = "received_at"
-- overdue: counted
CREATE SCHEMA lab;
CREATE TABLE lab.result (id integer);
