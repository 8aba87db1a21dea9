-- fires: idle_in_transaction_session_timeout
-- evidence: stays open
-- fires: idle_session_timeout
-- evidence: 2 logins of people never end ("c.martin", labo)
-- versions: 14-
CREATE ROLE "c.martin" LOGIN;
CREATE ROLE labo LOGIN;
CREATE ROLE lis_app LOGIN;

-- fires: idle_in_transaction_session_timeout
-- versions: 10-13
CREATE ROLE "c.martin" LOGIN;

-- fires: idle_in_transaction_session_timeout
-- cluster: one database has it, and only programs log in
ALTER DATABASE postgres SET idle_in_transaction_session_timeout = '1min';
CREATE ROLE lis_app LOGIN;

-- fires: idle_session_timeout
-- evidence: 1 login of people never end ("p.bernard")
-- versions: 14-
-- conf: idle_in_transaction_session_timeout = 10min
CREATE ROLE "c.martin" LOGIN;
CREATE ROLE "p.bernard" LOGIN;
ALTER ROLE "c.martin" SET idle_session_timeout = '30min';

-- silent: each person has it
-- versions: 14-
-- conf: idle_in_transaction_session_timeout = 10min
-- policy: [[person]]
-- policy: name = "Claire Martin"
-- policy: role = "c.martin"
CREATE ROLE "c.martin" LOGIN;
CREATE ROLE lis_app LOGIN;
ALTER ROLE "c.martin" SET idle_session_timeout = '30min';

-- silent: the cluster has both
-- versions: 14-
-- conf: idle_in_transaction_session_timeout = 10min
-- conf: idle_session_timeout = 30min
CREATE ROLE "c.martin" LOGIN;

-- silent: every session has it
-- cluster: for everybody
ALTER ROLE ALL SET idle_in_transaction_session_timeout = '1min';

-- silent: each login has it
-- versions: 10-13
-- cluster: sessions of the role have it
CREATE ROLE "c.martin" LOGIN;
ALTER ROLE "c.martin" SET idle_in_transaction_session_timeout = '1min';
