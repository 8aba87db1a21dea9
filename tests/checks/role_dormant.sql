-- fires: old_login
-- evidence: not used in the last 90 days
-- watched: 95
-- observed: 5 c_martin 9-17 10.1.0.5 psql
-- observed: 94-92 old_login 9-17 10.1.0.6 psql
CREATE ROLE old_login LOGIN;
CREATE ROLE c_martin LOGIN;
CREATE ROLE some_group NOLOGIN;

-- silent: everybody was there
-- watched: 95
-- observed: 80-79 c_martin 9-17 10.1.0.5 psql
CREATE ROLE c_martin LOGIN;

-- unknown: half of the time nobody looked
-- watched: 40
CREATE ROLE old_login LOGIN;

-- not-applicable: nothing is observed
CREATE ROLE old_login LOGIN;
