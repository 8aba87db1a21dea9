-- Extensions and the version that their files on the server would give now.
SELECT json_build_array(
    e.extname, e.extversion, coalesce(a.default_version, ''), n.nspname, pg_get_userbyid(e.extowner)
)::text
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
LEFT JOIN pg_catalog.pg_available_extensions AS a ON a.name = e.extname
ORDER BY e.extname;
