-- fires: listen_addresses
-- evidence: holds *
-- conf: listen_addresses = *

-- fires: listen_addresses
-- evidence: holds 0.0.0.0
-- conf: listen_addresses = 127.0.0.2, 0.0.0.0

-- silent: localhost
-- conf: listen_addresses = localhost

-- silent: sockets only
SELECT 1;
