-- fires: biologistes
-- evidence: 1 member ("c.petit")
CREATE ROLE biologistes LOGIN;
CREATE ROLE "c.petit" LOGIN IN ROLE biologistes;

-- silent: a group that does not log in, a declared delegation, a login that administrators can become
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
-- policy: [allow]
-- policy: delegating_roles = ["chief"]
CREATE ROLE biologistes NOLOGIN;
CREATE ROLE "c.petit" LOGIN IN ROLE biologistes;
CREATE ROLE chief LOGIN;
CREATE ROLE deputy LOGIN IN ROLE chief;
CREATE ROLE lis_app LOGIN;
CREATE ROLE dba_martin LOGIN IN ROLE lis_app;
