-- pg_ident.conf as the server parses it.
SELECT json_build_array(
    CASE WHEN error IS NULL THEN row_number() OVER (PARTITION BY error IS NULL ORDER BY line_number) ELSE 0 END,
    '', line_number, coalesce(map_name, ''), coalesce(sys_name, ''), coalesce(pg_username, ''), coalesce(error, '')
)::text
FROM pg_catalog.pg_ident_file_mappings
ORDER BY line_number;
