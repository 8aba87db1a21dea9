-- Foreign servers; an option that may hold a secret is hidden here, on the server.
SELECT json_build_array(
    s.srvname, w.fdwname, pg_get_userbyid(s.srvowner), coalesce(s.srvacl, acldefault('S', s.srvowner))::text,
    coalesce((SELECT json_agg(CASE WHEN o.option_name ~* 'passw|pwd|secret|token|key|passcode'
                                     OR o.option_value ~* '(passw|pwd|secret|token)[[:alnum:]_]*[[:space:]]*='
                                     OR o.option_value ~ '://[^/@[:space:]]*:[^/@[:space:]]+@'
                                   THEN o.option_name || '=***'
                                   ELSE o.option_name || '=' || o.option_value END
                              ORDER BY o.option_name COLLATE "C")
              FROM pg_options_to_table(s.srvoptions) AS o), '[]')
)::text
FROM pg_catalog.pg_foreign_server AS s
JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
ORDER BY s.srvname;
