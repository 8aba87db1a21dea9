-- fires: chef
CREATE ROLE chef LOGIN CREATEROLE;

-- fires: role_makers
-- evidence: taken on by chef
CREATE ROLE role_makers NOLOGIN CREATEROLE;
CREATE ROLE chef LOGIN IN ROLE role_makers;

-- silent: declared, or used by nobody
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin LOGIN CREATEROLE;
CREATE ROLE nobody NOLOGIN CREATEROLE;
