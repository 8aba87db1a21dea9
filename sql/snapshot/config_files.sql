-- When the configuration files were last changed.
SELECT json_build_array(purpose, path, coalesce(to_char((pg_stat_file(path, true)).modification AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''))::text
FROM (VALUES ('config', current_setting('config_file')),
             ('hba', current_setting('hba_file')),
             ('ident', current_setting('ident_file'))) AS f (purpose, path)
ORDER BY purpose COLLATE "C";
