-- Whether the server sees this session arrive unreadable for the network: by its socket, TLS or GSSAPI encryption.
SELECT pg_catalog.inet_client_addr() IS NULL,
    coalesce((SELECT s.ssl FROM pg_catalog.pg_stat_ssl AS s WHERE s.pid = pg_catalog.pg_backend_pid()), false),
    coalesce((SELECT g.encrypted FROM pg_catalog.pg_stat_gssapi AS g WHERE g.pid = pg_catalog.pg_backend_pid()), false)
