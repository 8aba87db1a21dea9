-- The databases of the cluster, by the folders of their files.
SELECT d.oid::bigint, pg_catalog.quote_ident(d.datname) FROM pg_catalog.pg_database AS d ORDER BY d.oid;
