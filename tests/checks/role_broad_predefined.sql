-- fires: infocentre
-- versions: 14-
CREATE ROLE infocentre LOGIN;
GRANT pg_read_all_data TO infocentre;

-- fires: alice
-- evidence: alice -> readers -> pg_read_all_data
-- versions: 14-
CREATE ROLE readers;
GRANT pg_read_all_data TO readers;
CREATE ROLE alice LOGIN IN ROLE readers;

-- silent: declared, or a group that nobody is in
-- versions: 14-
-- policy: [[service]]
-- policy: role = "dump"
-- policy: owner = "IT"
-- policy: purpose = "logical backup"
CREATE ROLE dump LOGIN;
GRANT pg_read_all_data TO dump;
CREATE ROLE readers;
GRANT pg_read_all_data TO readers;

-- silent: before these roles existed
-- versions: 10-13
CREATE ROLE alice LOGIN;
