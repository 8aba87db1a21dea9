-- fires: log_statement
-- evidence: log_statement = none and pgaudit is not loaded
SELECT 1;

-- fires: log_statement
-- conf: pgaudit.log = ddl

-- fires: log_statement
-- cluster: only one database has it
ALTER DATABASE postgres SET log_statement = 'ddl';

-- silent: ddl
-- conf: log_statement = ddl

-- silent: in every database
-- cluster: databases have it
ALTER DATABASE postgres SET log_statement = 'ddl';
ALTER DATABASE lab SET log_statement = 'mod';

-- silent: for everybody
-- cluster: every session has it
ALTER ROLE ALL SET log_statement = 'ddl';

-- unknown: the setting of the inspecting role hides the cluster's
-- cluster: the role logs in with it
ALTER ROLE postgres SET log_statement = 'ddl';
