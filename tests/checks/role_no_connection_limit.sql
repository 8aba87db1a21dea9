-- fires: "c.martin"
CREATE ROLE "c.martin" LOGIN;

-- fires: cluster
-- evidence: 6 personal logins
CREATE ROLE "a.martin" LOGIN;
CREATE ROLE "b.martin" LOGIN;
CREATE ROLE "c.martin" LOGIN;
CREATE ROLE "d.martin" LOGIN;
CREATE ROLE "e.martin" LOGIN;
CREATE ROLE "f.martin" LOGIN;

-- silent: a limit, and a program's login
CREATE ROLE "c.martin" LOGIN CONNECTION LIMIT 3;
CREATE ROLE lis_app LOGIN;
