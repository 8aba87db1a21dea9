-- pg_hba.conf as the server parses it, with the secrets among its options hidden on the server; an
-- error may quote what stands behind a blank in a password, in the language of the server's messages.
SELECT json_build_array(
    coalesce(rule_number, 0), coalesce(file_name, ''), line_number, coalesce(type, ''),
    coalesce(to_json(database), '[]'), coalesce(to_json(user_name), '[]'),
    coalesce(address, ''), coalesce(netmask, ''), coalesce(auth_method, ''),
    coalesce((SELECT json_agg(CASE WHEN option ~* '^(ldapbindpasswd|radiussecrets)='
                                   THEN split_part(option, '=', 1) || '=***' ELSE option END ORDER BY option)
              FROM unnest(options) AS option), '[]'),
    coalesce(CASE WHEN current_setting('lc_messages') ~ '^(C|POSIX|en)'
                  THEN regexp_replace(error, '((name=value format|option name|skipping): ).*$', '\1***')
                  ELSE regexp_replace(error, '([:"]|[^[:ascii:]]).*$', '***') END, '')
)::text
FROM pg_catalog.pg_hba_file_rules
ORDER BY rule_number NULLS LAST, file_name COLLATE "C", line_number;
