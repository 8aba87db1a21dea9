-- fires: authentication_timeout
-- evidence: authentication_timeout = 300s
-- conf: authentication_timeout = 5min

-- silent: PostgreSQL's own minute
SELECT 1;
