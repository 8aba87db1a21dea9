-- fires: somebody
-- evidence: neither in the roster
-- policy: [[person]]
-- policy: name = "Claire Martin"
-- policy: role = "c_martin"
CREATE ROLE c_martin LOGIN;
CREATE ROLE somebody LOGIN;
CREATE ROLE a_group NOLOGIN;

-- silent: a person, a program and an administrator
-- policy: [[person]]
-- policy: name = "Claire Martin"
-- policy: role = "c_martin"
-- policy: [administrators]
-- policy: roles = ["dba"]
-- policy: [[service]]
-- policy: role = "lis"
-- policy: owner = "IT"
-- policy: purpose = "laboratory application"
CREATE ROLE c_martin LOGIN;
CREATE ROLE dba LOGIN;
CREATE ROLE lis LOGIN;

-- not-applicable: no roster
CREATE ROLE somebody LOGIN;
