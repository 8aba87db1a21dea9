-- fires: log_disconnections
-- evidence: log_disconnections = off
-- fires: log_connections
-- evidence: who comes in
SELECT 1;

-- fires: log_disconnections
-- conf: log_connections = on

-- fires: log_connections
-- versions: 18-
-- conf: log_connections = 'False'
-- conf: log_disconnections = on

-- silent: both
-- conf: log_connections = on
-- conf: log_disconnections = on

-- silent: one aspect
-- versions: 18-
-- conf: log_connections = authentication
-- conf: log_disconnections = on
