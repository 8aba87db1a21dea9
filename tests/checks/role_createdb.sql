-- fires: dev
CREATE ROLE dev LOGIN CREATEDB;

-- fires: makers
-- evidence: taken on by dev
CREATE ROLE makers NOLOGIN CREATEDB;
CREATE ROLE dev LOGIN IN ROLE makers;

-- silent: declared
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin LOGIN CREATEDB;
