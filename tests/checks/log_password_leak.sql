-- fires: log_statement
-- evidence: log_statement = all
-- severity: high
-- conf: log_statement = all

-- fires: log_statement
-- evidence: log_statement = ddl
-- severity: low
-- conf: log_statement = ddl

-- fires: log_statement
-- severity: low
-- cluster: one database has it
ALTER DATABASE postgres SET log_statement = 'ddl';

-- silent: none
SELECT 1;

-- silent: verifiers only, as declared
-- conf: log_statement = ddl
-- policy: [logging]
-- policy: redacted_by = "roles get SCRAM verifiers"

-- silent: no login has a password
-- conf: log_statement = ddl
ALTER ROLE postgres PASSWORD NULL;

-- silent: placeholders are not pgaudit
-- conf: pgaudit.log = all
