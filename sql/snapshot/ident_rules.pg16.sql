-- pg_ident.conf as the server parses it.
SELECT json_build_array(
    coalesce(map_number, 0), coalesce(file_name, ''), line_number,
    coalesce(map_name, ''), coalesce(sys_name, ''), coalesce(pg_username, ''), coalesce(error, '')
)::text
FROM pg_catalog.pg_ident_file_mappings
ORDER BY map_number NULLS LAST, file_name COLLATE "C", line_number;
