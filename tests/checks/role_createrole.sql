-- fires: chef
CREATE ROLE chef LOGIN CREATEROLE;

-- silent: declared
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin LOGIN CREATEROLE;
