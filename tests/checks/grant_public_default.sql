-- fires: lab
-- evidence: new tables of postgres get SELECT
CREATE SCHEMA lab;
ALTER DEFAULT PRIVILEGES IN SCHEMA lab GRANT SELECT ON TABLES TO PUBLIC;

-- fires: postgres
-- severity: high
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;

-- fires: lab
-- evidence: new sequences of "Lab owner" get USAGE
CREATE SCHEMA lab;
CREATE ROLE "Lab owner";
ALTER DEFAULT PRIVILEGES FOR ROLE "Lab owner" IN SCHEMA lab GRANT USAGE ON SEQUENCES TO PUBLIC;

-- fires: postgres
-- evidence: new schemas of postgres get USAGE
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO PUBLIC;

-- fires: postgres
-- evidence: new large objects of postgres get SELECT
-- versions: 18-
ALTER DEFAULT PRIVILEGES GRANT SELECT ON LARGE OBJECTS TO PUBLIC;

-- fires: lab
-- evidence: as they do anyway
-- severity: low
CREATE SCHEMA lab;
ALTER DEFAULT PRIVILEGES IN SCHEMA lab GRANT EXECUTE ON FUNCTIONS TO PUBLIC;

-- fires: lab
-- evidence: new functions of postgres get EXECUTE for PUBLIC
-- severity: high
CREATE SCHEMA lab;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA lab GRANT EXECUTE ON FUNCTIONS TO PUBLIC;

-- silent: a group, and functions narrowed
CREATE ROLE biologists;
CREATE SCHEMA lab;
ALTER DEFAULT PRIVILEGES IN SCHEMA lab GRANT SELECT ON TABLES TO biologists;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO biologists;
