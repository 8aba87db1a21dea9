-- Client sessions and walsenders with the state of their encryption, but for our own; no query text.
SELECT json_build_array(
    a.pid, coalesce(a.usename, ''), coalesce(a.datname, ''), coalesce(a.application_name, ''),
    coalesce(host(a.client_addr), ''), coalesce(to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''), coalesce(a.state, ''),
    coalesce(a.backend_type, ''), coalesce(s.ssl, false), coalesce(s.version, ''),
    coalesce(s.cipher, ''), coalesce(s.clientdn, ''), false, false
)::text
FROM pg_catalog.pg_stat_activity AS a
LEFT JOIN pg_catalog.pg_stat_ssl AS s ON s.pid = a.pid
WHERE a.pid <> pg_backend_pid() AND a.backend_type IN ('client backend', 'walsender')
ORDER BY a.pid;
