-- What is in a folder of the server: name, size, whether it is a folder. $1 is the path.
SELECT d.name, coalesce(s.size, 0), coalesce(s.isdir, false)
FROM pg_catalog.pg_ls_dir($1, true, false) AS d (name)
CROSS JOIN LATERAL pg_catalog.pg_stat_file($1 || '/' || d.name, true) AS s
ORDER BY d.name;
