-- The parameters as the inspecting session sees them; values that may hold a secret are hidden here,
-- on the server (the same rules as in role_settings.sql). Read before anything is SET, search_path too:
-- so that every function, operator and type is named with its schema, for somebody may have put one of
-- the same name where ours looks first.
SELECT pg_catalog.json_build_array(
    name, CASE WHEN hidden THEN '***' ELSE coalesce(value, '') END, coalesce(unit, ''), context, vartype, source,
    CASE WHEN hidden THEN '' ELSE coalesce(boot_val, '') END, pending_restart, hidden
)::pg_catalog.text
FROM (SELECT name, setting AS value, unit, context, vartype, source, boot_val, pending_restart
      FROM pg_catalog.pg_settings) AS s
CROSS JOIN LATERAL (
    SELECT coalesce(value OPERATOR(pg_catalog.<>) ''
          AND ((name OPERATOR(pg_catalog.~*) '(passw|pwd|passphrase|secret|token|credential|apikey|private)|(^|[._])(key|cle)($|[._])|[._]key$'
          AND name OPERATOR(pg_catalog.<>) 'password_encryption'
          AND name OPERATOR(pg_catalog.<>) 'ssl_passphrase_command_supports_reload')
         OR value OPERATOR(pg_catalog.~*) '(passw|passwd|pwd|secret|token|apikey|api_key)[[:alnum:]_]*[[:space:]]*='
         OR value OPERATOR(pg_catalog.~) '://[^/@[:space:]]*:[^/@[:space:]]+@'
         -- a parameter that no module defined may hold anything
         OR (name OPERATOR(pg_catalog.~) '[.]'
             AND name OPERATOR(pg_catalog.!~) '^(auth_delay|auto_explain|credcheck|cron|pg_stat_statements|pgaudit|plpgsql|set_user)[.]'
             AND value OPERATOR(pg_catalog.!~) '^([0-9]{1,3}|on|off|true|false|yes|no)$')
         -- a command has arguments; what does nothing is shown
         OR (name OPERATOR(pg_catalog.~) '_command$'
             AND value OPERATOR(pg_catalog.!~*) '^[[:space:]]*([(]disabled[)]|(/usr)?(/bin/)?true|:|exit[[:space:]]+0|echo|rem)[[:space:]]*$')), false)
      AS hidden) AS mask
ORDER BY name COLLATE pg_catalog."C";
