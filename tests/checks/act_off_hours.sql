-- fires: dba_night
-- evidence: logged in outside mon, tue, wed, thu, fri, sat, sun 7:00 to 20:00 (UTC)
-- evidence: 02:00 from 203.0.113.9
-- watched: 20
-- policy: [administrators]
-- policy: roles = ["dba_night"]
-- policy: hours = "7-20"
-- policy: weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
-- policy: [thresholds]
-- policy: check_max_age_hours = 72
-- observed: 1 dba_night 2-3 203.0.113.9 psql
CREATE ROLE dba_night LOGIN;

-- fires: dba_root
-- watched: 20
-- policy: [administrators]
-- policy: hours = "7-20"
-- policy: timezone = "Asia/Tokyo"
-- policy: weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
-- policy: [thresholds]
-- policy: check_max_age_hours = 72
-- observed: 1 dba_root 12-13 10.1.0.5 psql
CREATE ROLE dba_root LOGIN SUPERUSER;

-- silent: at work, and others at night
-- watched: 20
-- policy: [administrators]
-- policy: roles = ["dba_day"]
-- policy: hours = "7-20"
-- policy: weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
-- policy: [thresholds]
-- policy: check_max_age_hours = 72
-- policy: [[service]]
-- policy: role = "backup"
-- policy: owner = "IT"
-- policy: purpose = "backups"
-- observed: 1 dba_day 9-17 10.1.0.5 psql
-- observed: 1 nurse 2-3 10.1.0.6 lis
-- observed: 1 backup 2-3 10.1.0.7 pg_dump
-- observed: 20-10 dba_day 2-3 10.1.0.5 psql
CREATE ROLE dba_day LOGIN;
CREATE ROLE nurse LOGIN;
CREATE ROLE backup LOGIN SUPERUSER;

-- unknown: the log of one day, and three are asked for
-- watched: 1
-- policy: [administrators]
-- policy: hours = "7-20"
-- policy: [thresholds]
-- policy: check_max_age_hours = 72
-- observed: 12 dba_day 9-17 10.1.0.5 psql
CREATE ROLE dba_day LOGIN;

-- not-applicable: no hours are declared
-- watched: 20
-- observed: 1 dba_day 2-3 10.1.0.5 psql
CREATE ROLE dba_day LOGIN;
