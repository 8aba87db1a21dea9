-- Subscriptions of this database: whether the connection string holds a password, never the string.
SELECT json_build_array(
    s.subname, pg_get_userbyid(s.subowner), s.subenabled,
    s.subconninfo ~* 'password[[:space:]]*=' OR s.subconninfo ~ '://[^/@[:space:]]*:[^/@[:space:]]+@'
)::text
FROM pg_catalog.pg_subscription AS s
WHERE s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
ORDER BY s.subname;
