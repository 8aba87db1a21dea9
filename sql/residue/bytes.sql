-- A piece of a file of the server: path, first byte, how many; NULL when the file is gone.
SELECT pg_catalog.pg_read_binary_file($1, $2, $3, true);
