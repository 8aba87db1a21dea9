-- fires: waiver of role-createdb on lab_app
-- evidence: it ended on 2020-06-30; it is RSSI's: migration
-- severity: medium
-- policy: [[waiver]]
-- policy: check = "role-createdb"
-- policy: subject = "lab_app"
-- policy: reason = "migration"
-- policy: owner = "RSSI"
-- policy: until = 2020-06-30
CREATE ROLE lab_app LOGIN CREATEDB;

-- silent: it holds
-- policy: [[waiver]]
-- policy: check = "role-createdb"
-- policy: subject = "lab_app"
-- policy: reason = "migration"
-- policy: owner = "RSSI"
-- policy: until = 2999-06-30
SELECT 1;

-- silent: nothing is waived
SELECT 1;
