-- fires: app
-- evidence: pg_catalog.pg_authid (password verifiers)
CREATE ROLE app LOGIN;
GRANT SELECT ON pg_catalog.pg_authid TO app;

-- fires: PUBLIC
GRANT SELECT ON pg_catalog.pg_shadow TO PUBLIC;

-- fires: readers
-- evidence: EXECUTE on pg_read_file
-- evidence: held by someone
CREATE ROLE readers;
CREATE ROLE someone LOGIN IN ROLE readers;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO readers;

-- fires: app
-- evidence: pg_catalog.pg_authid.rolpassword
CREATE ROLE app LOGIN;
GRANT SELECT (rolname, rolpassword) ON pg_catalog.pg_authid TO app;

-- silent: PostgreSQL's own grants, and columns that hold no secret
CREATE ROLE app LOGIN;
GRANT SELECT (rolname) ON pg_catalog.pg_authid TO app;
