-- fires: pg_hba.conf:2
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- silent: named, or from the machine itself
-- hba: host lab all 10.0.0.0/8 scram-sha-256
-- hba: host all +staff 10.0.0.0/8 scram-sha-256
-- hba: host all all 127.0.0.1/32 scram-sha-256
CREATE ROLE staff;

-- silent: a database and a login of that name
-- hba: host "all" "all" 10.0.0.0/8 scram-sha-256

-- fires: pg_hba.conf:2
-- hba: host lab,all all,app 10.0.0.0/8 scram-sha-256
