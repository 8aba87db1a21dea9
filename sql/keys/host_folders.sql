-- What a base backup copies.
SELECT pg_catalog.current_setting('data_directory')
UNION
SELECT pg_catalog.pg_tablespace_location(t.oid) FROM pg_catalog.pg_tablespace AS t
WHERE pg_catalog.pg_tablespace_location(t.oid) <> ''
