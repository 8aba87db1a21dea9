-- fires: labo
-- evidence: whole statements go to the log
CREATE ROLE labo LOGIN;
ALTER ROLE labo SET log_min_duration_statement = '0';

-- fires: loader
-- evidence: do not fire
CREATE ROLE loader LOGIN;
ALTER ROLE loader SET session_replication_role = 'replica';

-- fires: lab
-- evidence: row_security = off
ALTER DATABASE lab SET row_security = off;

-- silent: that PUBLIC may create objects in the schema is told by grant-public-schema-create
CREATE ROLE app LOGIN;
CREATE SCHEMA work;
GRANT CREATE ON SCHEMA work TO PUBLIC;
ALTER ROLE app SET search_path = work, public;

-- fires: dba_martin
-- severity: low
-- fires: app
-- severity: high
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin LOGIN;
CREATE ROLE app LOGIN;
ALTER ROLE dba_martin SET log_statement = 'all';
ALTER ROLE app SET log_statement = 'mod';

-- fires: p_new
-- evidence: act as
CREATE ROLE labo;
CREATE ROLE p_new LOGIN IN ROLE labo;
ALTER ROLE p_new SET role = 'labo';

-- fires: app
-- evidence: helper may create objects in work
CREATE ROLE app LOGIN;
CREATE ROLE helper LOGIN;
CREATE SCHEMA work;
GRANT CREATE ON SCHEMA work TO app, helper;
ALTER ROLE app SET search_path = work;

-- fires: app
-- evidence: idle_in_transaction_session_timeout = 0: its idle transactions never end
-- evidence: row_security = false: row security filters nothing
CREATE ROLE app LOGIN;
ALTER ROLE app SET idle_in_transaction_session_timeout = '0';
ALTER ROLE app SET row_security = 'false';

-- fires: cluster
-- evidence: lo_compat_privileges = yes
ALTER ROLE ALL SET lo_compat_privileges = 'yes';

-- silent: of a role that cannot log in, of its own schema, of what is neutral
CREATE ROLE labo NOLOGIN;
CREATE ROLE app LOGIN;
CREATE SCHEMA app AUTHORIZATION app;
ALTER ROLE labo SET row_security = off;
ALTER ROLE app SET search_path = "$user", app, public;
ALTER ROLE app SET role = 'app';
ALTER ROLE app SET log_min_duration_statement = -1;
ALTER ROLE app SET idle_in_transaction_session_timeout = '5min';

-- silent: neutral, and declared
-- policy: [[setting]]
-- policy: role = "loader"
-- policy: name = "session_replication_role"
-- policy: reason = "logical replication apply"
CREATE ROLE loader LOGIN;
ALTER ROLE loader SET session_replication_role = 'replica';
ALTER ROLE loader SET work_mem = '64MB';
ALTER ROLE loader SET search_path = public;
ALTER ROLE loader SET log_statement = 'ddl';
