-- fires: c_martin
-- evidence: left on 2026-01-31
-- policy: [[person]]
-- policy: name = "Claire Martin"
-- policy: role = "c_martin"
-- policy: until = 2026-01-31
CREATE ROLE c_martin LOGIN;

-- silent: she stays, or her account is closed
-- policy: [[person]]
-- policy: name = "Claire Martin"
-- policy: role = "c_martin"
-- policy: until = 2099-01-31
-- policy: [[person]]
-- policy: name = "Jean Petit"
-- policy: role = "j_petit"
-- policy: until = 2026-01-31
CREATE ROLE c_martin LOGIN;
CREATE ROLE j_petit NOLOGIN;

-- not-applicable: no roster
CREATE ROLE c_martin LOGIN;
