-- pg_hba.conf as the server parses it, with the secrets among its options hidden on the server.
SELECT json_build_array(
    CASE WHEN error IS NULL THEN row_number() OVER (PARTITION BY error IS NULL ORDER BY line_number) ELSE 0 END, '', line_number, coalesce(type, ''),
    coalesce(to_json(database), '[]'), coalesce(to_json(user_name), '[]'),
    coalesce(address, ''), coalesce(netmask, ''), coalesce(auth_method, ''),
    coalesce((SELECT json_agg(CASE WHEN option ~* '^(ldapbindpasswd|radiussecrets)='
                                   THEN split_part(option, '=', 1) || '=***' ELSE option END ORDER BY option)
              FROM unnest(options) AS option), '[]'),
    coalesce(error, '')
)::text
FROM pg_catalog.pg_hba_file_rules
ORDER BY line_number;
