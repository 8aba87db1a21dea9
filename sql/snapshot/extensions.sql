-- Extensions.
SELECT json_build_array(e.extname, e.extversion, n.nspname, pg_get_userbyid(e.extowner))::text
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
ORDER BY e.extname;
