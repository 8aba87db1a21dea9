-- The bytes of one file of the configuration; null where it is not there. $1: its path.
SELECT pg_catalog.pg_read_binary_file(path, 0, (pg_catalog.pg_stat_file(path, true)).size, true)
FROM (SELECT $1::text AS path) AS named;
