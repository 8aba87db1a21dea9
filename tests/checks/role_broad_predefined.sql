-- fires: infocentre
-- versions: 14-
CREATE ROLE infocentre LOGIN;
GRANT pg_read_all_data TO infocentre;

-- fires: alice
-- evidence: alice holds pg_read_all_data through readers
-- versions: 14-
CREATE ROLE readers;
GRANT pg_read_all_data TO readers;
CREATE ROLE alice LOGIN IN ROLE readers;

-- fires: readers
-- evidence: held by p1, p2, p3 and 3 more
-- versions: 14-
CREATE ROLE readers;
GRANT pg_read_all_data TO readers;
DO $do$ BEGIN FOR n IN 1..6 LOOP EXECUTE format('CREATE ROLE p%s LOGIN IN ROLE readers', n); END LOOP; END $do$;

-- fires: by_set
-- evidence: pg_read_all_data, pg_write_all_data through readers
-- versions: 14-
CREATE ROLE readers;
GRANT pg_read_all_data, pg_write_all_data TO readers;
CREATE ROLE by_set LOGIN NOINHERIT IN ROLE readers;

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
