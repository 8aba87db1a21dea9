-- fires: postgres
-- evidence: lis-server
-- connect: user=postgres application_name=lis-server

-- silent: an administrator on the machine
-- connect: user=postgres application_name=psql

-- unknown: other roles' sessions are hidden
-- as: watcher
CREATE ROLE watcher LOGIN;
