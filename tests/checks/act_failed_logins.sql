-- fires: app
-- evidence: 25 logins as it were refused
-- fires: cluster
-- evidence: 25 logins from 10.1.0.9
-- watched: 30
-- failed: 25 3 app 10.1.0.9
CREATE ROLE app LOGIN;

-- fires: cluster
-- evidence: 40 logins from 10.1.0.9
-- watched: 30
-- failed: 20 3 app 10.1.0.9
-- failed: 20 3 no_such_role 10.1.0.9
CREATE ROLE app LOGIN;

-- silent: a few, or many over the day
-- watched: 30
-- failed: 15 3 app 10.1.0.9
-- failed: 15 6 app 10.1.0.9
-- failed: 15 9 app 10.1.0.9
CREATE ROLE app LOGIN;

-- silent: the day before yesterday
-- watched: 30
-- failed: 200 60 app 10.1.0.9
CREATE ROLE app LOGIN;

-- silent: the policy allows so many
-- watched: 30
-- policy: [thresholds]
-- policy: failed_logins_per_hour = 50
-- failed: 25 3 app 10.1.0.9
CREATE ROLE app LOGIN;

-- not-applicable: nothing is observed
CREATE ROLE app LOGIN;
