-- The parameters as the inspecting session sees them; values that may hold a secret are hidden here,
-- on the server (the same rules as in role_settings.sql). Read before anything is SET.
SELECT json_build_array(
    name, CASE WHEN hidden THEN '***' ELSE coalesce(value, '') END, coalesce(unit, ''), context, vartype, source,
    CASE WHEN hidden THEN '' ELSE coalesce(boot_val, '') END, pending_restart, hidden
)::text
FROM (SELECT name, setting AS value, unit, context, vartype, source, boot_val, pending_restart
      FROM pg_catalog.pg_settings) AS s
CROSS JOIN LATERAL (
    SELECT coalesce(value <> '' AND ((name ~* '(passw|pwd|passphrase|secret|token|credential|apikey|private)|(^|[._])(key|cle)($|[._])|[._]key$'
          AND name NOT IN ('password_encryption', 'ssl_passphrase_command_supports_reload'))
         OR value ~* '(passw|passwd|pwd|secret|token|apikey|api_key)[[:alnum:]_]*[[:space:]]*='
         OR value ~ '://[^/@[:space:]]*:[^/@[:space:]]+@'
         OR (name ~ '[.]' AND value ~ '[0-9]' AND value ~ '[A-Za-z]' AND value ~ '^[A-Za-z0-9+/=_.!@#%-]{12,}$')), false)
      AS hidden) AS mask
ORDER BY name COLLATE "C";
