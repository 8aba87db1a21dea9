-- The version that the files on the server would give each installed extension now.
SELECT json_build_array(a.name, a.default_version)::text
FROM pg_catalog.pg_available_extensions AS a
JOIN pg_catalog.pg_extension AS e ON e.extname = a.name
WHERE a.default_version IS NOT NULL
ORDER BY a.name;
