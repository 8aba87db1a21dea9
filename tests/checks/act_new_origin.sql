-- fires: c_martin
-- evidence: 203.0.113.9 (DBeaver)
-- watched: 40
-- policy: [thresholds]
-- policy: origin_days = 2
-- observed: 40-3 c_martin 9-17 10.1.0.5 psql
-- observed: 1 c_martin 9-17 203.0.113.9 DBeaver 24.1.0 - Main
CREATE ROLE c_martin LOGIN;

-- silent: from there before, with another version
-- watched: 40
-- policy: [thresholds]
-- policy: origin_days = 2
-- observed: 40-3 c_martin 9-17 10.1.0.5 DBeaver 23.0.1 - Main
-- observed: 1 c_martin 9-17 10.1.0.5 DBeaver 24.1.0 - SQLEditor <Script-2.sql>
CREATE ROLE c_martin LOGIN;

-- silent: the service's origins are declared
-- watched: 40
-- policy: [thresholds]
-- policy: origin_days = 2
-- policy: [[service]]
-- policy: role = "app"
-- policy: owner = "IT"
-- policy: purpose = "the application"
-- policy: origins = ["10.2.0.0/16"]
-- observed: 40-3 app 9-17 10.2.0.5 lis
-- observed: 1 app 9-17 10.2.0.77 lis
CREATE ROLE app LOGIN;

-- unknown: everything would be new
-- watched: 5
-- observed: 1 c_martin 9-17 203.0.113.9 psql
CREATE ROLE c_martin LOGIN;

-- not-applicable: nothing is observed
CREATE ROLE c_martin LOGIN;
