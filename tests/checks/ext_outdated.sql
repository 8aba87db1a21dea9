-- fires: hstore
-- evidence: hstore is 1.4 instead of 1.
-- versions: 11-
-- 1.4 is what 10 has
CREATE EXTENSION hstore VERSION '1.4';

-- fires: pg_stat_statements
-- evidence: pg_stat_statements is 1.4 instead of 1.
CREATE EXTENSION pg_stat_statements VERSION '1.4';

-- silent: current
CREATE EXTENSION hstore;
CREATE EXTENSION pgcrypto;
