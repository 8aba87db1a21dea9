-- The files of a folder that include_dir names; no row where it is not there. $1: its path.
SELECT pg_catalog.pg_ls_dir($1::text, true, false) ORDER BY 1;
