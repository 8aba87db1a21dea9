-- fires: gone
-- evidence: the register lists gone, and there is no such role
-- severity: medium
-- fires: group_only
-- evidence: the register lists group_only, and it cannot log in
-- fires: x_left
-- evidence: its account ended on 2024-01-31, and x_left can still log in
-- fires: x_nobody
-- evidence: the register does not say whose login x_nobody is
-- fires: x_shared
-- evidence: x_shared is shared, and the exception has no validator and no end
-- fires: x_night
-- evidence: the exception for it ended on 2024-06-30, and x_night can still log in
-- fires: x_unknown
-- evidence: x_unknown can log in and is in no register
-- policy: [[account]]
-- policy: role = "gone"
-- policy: person = "Paul Gone"
-- policy: [[account]]
-- policy: role = "gone_too"
-- policy: person = "Anne Gone"
-- policy: until = 2024-01-31
-- policy: [[account]]
-- policy: role = "group_only"
-- policy: person = "Group"
-- policy: [[account]]
-- policy: role = "x_left"
-- policy: person = "Lea Left"
-- policy: until = 2024-01-31
-- policy: [[account]]
-- policy: role = "x_nobody"
-- policy: [[account]]
-- policy: role = "x_shared"
-- policy: shared = true
-- policy: reason = "ward round"
-- policy: [[account]]
-- policy: role = "x_night"
-- policy: shared = true
-- policy: reason = "night shift"
-- policy: validator = "DPO"
-- policy: until = 2024-06-30
CREATE ROLE group_only; CREATE ROLE x_left LOGIN; CREATE ROLE x_nobody LOGIN; CREATE ROLE x_shared LOGIN;
CREATE ROLE x_night LOGIN; CREATE ROLE x_unknown LOGIN;

-- fires: x_admin
-- evidence: x_admin can log in and is in no register
-- policy: [administrators]
-- policy: roles = ["x_admin"]
-- policy: [[person]]
-- policy: name = "Claire Martin"
-- policy: role = "x_claire"
-- policy: [[account]]
-- policy: role = "x_dba"
-- policy: person = "Paul Bernard"
CREATE ROLE x_admin LOGIN; CREATE ROLE x_claire LOGIN; CREATE ROLE x_dba LOGIN; CREATE ROLE x_unknown LOGIN;

-- silent: all in step, an exception that somebody validated among them
-- policy: [[service]]
-- policy: role = "x_lis"
-- policy: owner = "IT"
-- policy: purpose = "laboratory"
-- policy: [[breakglass]]
-- policy: role = "x_emergency"
-- policy: sealed_at = "safe of the management"
-- policy: [[account]]
-- policy: role = "x_claire"
-- policy: person = "Claire Martin"
-- policy: [[account]]
-- policy: role = "x_night"
-- policy: shared = true
-- policy: reason = "night shift"
-- policy: validator = "DPO"
-- policy: until = 2090-06-30
CREATE ROLE x_lis LOGIN; CREATE ROLE x_emergency LOGIN; CREATE ROLE x_claire LOGIN; CREATE ROLE x_night LOGIN;
CREATE ROLE everybody;

-- not-applicable: the register lists no accounts
CREATE ROLE x_claire LOGIN;
