-- The cluster itself and what the inspecting role may see.
SELECT json_build_array(
    current_setting('server_version_num')::integer,
    split_part(current_setting('server_version'), ' ', 1),
    to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    coalesce(to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''),
    coalesce(to_char(pg_conf_load_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''),
    pg_is_in_recovery(),
    current_user,
    current_setting('is_superuser') = 'on',
    pg_has_role('pg_read_all_stats', 'USAGE'),
    pg_has_role('pg_read_all_settings', 'USAGE'),
    coalesce(host(inet_client_addr()), ''),
    current_setting('port')::integer
)::text;
