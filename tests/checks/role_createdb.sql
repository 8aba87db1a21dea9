-- fires: dev
CREATE ROLE dev LOGIN CREATEDB;

-- silent: declared
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin LOGIN CREATEDB;
