-- fires: labo
-- fires: secretariat
-- fires: user1
-- fires: "Nurse-Ward-3"
-- fires: test
CREATE ROLE labo LOGIN;
CREATE ROLE secretariat LOGIN;
CREATE ROLE user1 LOGIN;
CREATE ROLE "Nurse-Ward-3" LOGIN;
CREATE ROLE test LOGIN;

-- silent: persons, programs, groups that do not log in
CREATE ROLE "c.martin" LOGIN;
CREATE ROLE mdupont LOGIN;
CREATE ROLE dba_martin LOGIN;
CREATE ROLE lis_app LOGIN;
CREATE ROLE biologistes NOLOGIN;

-- silent: a declared service
-- policy: [[service]]
-- policy: role = "labo"
-- policy: owner = "IT"
-- policy: purpose = "analyser interface"
CREATE ROLE labo LOGIN;
