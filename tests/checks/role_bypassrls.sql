-- fires: stats
CREATE ROLE stats LOGIN BYPASSRLS;

-- fires: see_all
-- evidence: taken on by "c.martin"
CREATE ROLE see_all NOLOGIN BYPASSRLS;
CREATE ROLE "c.martin" LOGIN IN ROLE see_all;

-- silent: declared, or used by nobody
-- policy: [[service]]
-- policy: role = "dump"
-- policy: owner = "IT"
-- policy: purpose = "logical backup"
CREATE ROLE dump LOGIN BYPASSRLS;
CREATE ROLE nobody NOLOGIN BYPASSRLS;
