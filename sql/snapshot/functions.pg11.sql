-- Functions, procedures and aggregates; of the system's own only those whose privileges differ from
-- what initdb set. The body is a definition. Of SET clauses the values of parameters that nobody knows are
-- hidden here, on the server; one that looks like a key or password says so.
SELECT json_build_array(
    p.oid::bigint, n.nspname, p.proname, oidvectortypes(p.proargtypes),
    coalesce(to_json(p.proargnames), '[]'), coalesce(pg_get_function_result(p.oid), ''),
    p.prokind, pg_get_userbyid(p.proowner), l.lanname, p.prosecdef, p.proleakproof, p.provolatile,
    coalesce((SELECT json_agg(name || '=' || CASE
                  WHEN value ~ '^(?:[0-9]{0,3}|on|off|true|false|yes|no)$' THEN value
                  WHEN name ~* '(?:passw|pwd|passphrase|secret|token|credential|apikey|private)|[._](?:key|cle|pass|mdp)(?:$|[._])|[._].*_(?:key|cle|pass|mdp)$'
                    OR value ~* '(?:passw|passwd|pwd|secret|token|apikey|api_key)[[:alnum:]_]*[[:space:]]*='
                    OR value ~ '://[^/@[:space:]]*:[^/@[:space:]]+@' THEN '***secret***'
                  WHEN name ~ '[.]' AND name !~ '^(?:auto_explain|pgaudit|pg_stat_statements|plpgsql)[.]' THEN '***'
                  ELSE value END ORDER BY place)
              FROM unnest(p.proconfig) WITH ORDINALITY AS c (entry, place)
              CROSS JOIN LATERAL (SELECT split_part(entry, '=', 1) AS name,
                                         substr(entry, strpos(entry, '=') + 1) AS value) AS pair), '[]'),
    coalesce(p.proacl, acldefault('f', p.proowner))::text, coalesce(e.extname, ''), p.oid < 16384,
    coalesce(to_json(p.proargmodes), '[]')
)::text
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
LEFT JOIN pg_catalog.pg_depend AS d
    ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
LEFT JOIN pg_catalog.pg_init_privs AS i
    ON i.classoid = 'pg_catalog.pg_proc'::regclass AND i.objoid = p.oid AND p.oid < 16384
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
   OR n.nspname = 'pg_catalog' AND p.proacl IS DISTINCT FROM i.initprivs
ORDER BY n.nspname, p.proname, oidvectortypes(p.proargtypes) COLLATE "C";
