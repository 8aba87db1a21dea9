-- Foreign servers. The values of options that are not known to be harmless are hidden here, on the server;
-- one that looks like a secret says so.
SELECT json_build_array(
    s.srvname, w.fdwname, pg_get_userbyid(s.srvowner), coalesce(s.srvacl, acldefault('S', s.srvowner))::text,
    coalesce((SELECT json_agg(o.option_name || '=' || CASE
                  WHEN o.option_value ~* '(passw|pwd|secret|token)[[:alnum:]_]*[[:space:]]*='
                    OR o.option_value ~ '://[^/@[:space:]]*:[^/@[:space:]]+@' THEN '***secret***'
                  WHEN o.option_name ~* $re$(?x)^(?:
                      host|hostaddr|port|dbname|database|user|username|server|servername|service|dbtype|dbserver
                      |sslmode|sslrootcert|sslcert|sslkey|sslcrl|gssencmode|channel_binding|require_auth
                      |connect_timeout|target_session_attrs|application_name|client_encoding|fetch_size|batch_size
                      |use_remote_estimate|extensions|updatable|truncatable|async_capable|parallel_commit
                      |parallel_abort|keep_connections|fdw_startup_cost|fdw_tuple_cost|analyze_sampling
                      |use_scram_passthrough|password_required)$$re$ THEN o.option_value
                  WHEN o.option_value <> '' AND o.option_name ~* 'passw|passphrase|passcode|pwd|secret|token|key|^pass$'
                      THEN '***secret***'
                  ELSE '***' END ORDER BY o.option_name COLLATE "C")
              FROM pg_options_to_table(s.srvoptions) AS o), '[]')
)::text
FROM pg_catalog.pg_foreign_server AS s
JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
ORDER BY s.srvname;
