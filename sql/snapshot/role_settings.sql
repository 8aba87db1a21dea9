-- ALTER ROLE ... SET and ALTER DATABASE ... SET. A value that looks like a secret is hidden here, on the
-- server, and said to be one: by the parameter's name, by a password inside a connection string, or because
-- a parameter that no module defined holds what looks like a key. Other values of such parameters are hidden
-- too, for they may be anything.
SELECT json_build_array(
    coalesce(d.datname, ''), coalesce(r.rolname, ''), name,
    CASE WHEN secret OR own AND value !~ '^([0-9]{1,3}|on|off|true|false|yes|no)$' THEN '***' ELSE value END,
    secret
)::text
FROM pg_catalog.pg_db_role_setting AS s
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
CROSS JOIN LATERAL unnest(s.setconfig) AS entry
CROSS JOIN LATERAL (SELECT split_part(entry, '=', 1) AS name,
                           substr(entry, strpos(entry, '=') + 1) AS value) AS pair
CROSS JOIN LATERAL (
    SELECT value !~ '^([0-9]{0,3}|on|off|true|false|yes|no)$'
       AND (name ~* '(passw|pwd|passphrase|secret|token|credential|apikey|private)|(^|[._])(key|cle|pass|mdp)($|[._])|[._]key$|[.].*_pass$'
            AND name NOT IN ('password_encryption', 'ssl_passphrase_command_supports_reload')
            OR value ~* '(passw|passwd|pwd|secret|token|apikey|api_key)[[:alnum:]_]*[[:space:]]*='
            OR value ~ '://[^/@[:space:]]*:[^/@[:space:]]+@'
            OR name ~ '[.]' AND value ~ '[0-9]' AND value ~ '[A-Za-z]' AND value ~ '^[A-Za-z0-9+/=_.!@#%-]{12,}$')
           AS secret,
           name ~ '[.]' AND name !~ '^(auth_delay|auto_explain|credcheck|cron|pg_stat_statements|pgaudit|plpgsql|set_user)[.]'
           AS own) AS mask
WHERE (s.setdatabase = 0 OR d.oid IS NOT NULL) AND (s.setrole = 0 OR r.oid IS NOT NULL)
ORDER BY d.datname NULLS FIRST, r.rolname NULLS FIRST, name COLLATE "C";
