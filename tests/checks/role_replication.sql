-- fires: copy_me
CREATE ROLE copy_me LOGIN REPLICATION;

-- silent: a declared backup account
-- policy: [[service]]
-- policy: role = "barman"
-- policy: owner = "IT"
-- policy: purpose = "backup"
CREATE ROLE barman LOGIN REPLICATION;
