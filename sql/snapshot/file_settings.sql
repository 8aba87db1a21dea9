-- Which line of which configuration file was applied, or why not; the values stay where they are.
SELECT json_build_array(coalesce(sourcefile, ''), coalesce(sourceline, 0), coalesce(name, ''),
                        coalesce(applied, false), coalesce(error, ''))::text
FROM pg_catalog.pg_file_settings
ORDER BY seqno;
