-- User mappings with the names of their options, never the values. For those whose options we may not
-- see the view shows none, without an error: the reader reports that.
SELECT json_build_array(
    srvname, CASE WHEN umuser = 0 THEN 'public' ELSE usename END,
    coalesce((SELECT json_agg(o.option_name ORDER BY o.option_name COLLATE "C")
              FROM pg_options_to_table(umoptions) AS o), '[]')
)::text
FROM pg_catalog.pg_user_mappings
ORDER BY srvname, usename;
