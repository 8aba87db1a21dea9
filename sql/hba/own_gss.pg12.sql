-- Whether our own connection is encrypted by GSSAPI.
SELECT encrypted FROM pg_catalog.pg_stat_gssapi WHERE pid = pg_catalog.pg_backend_pid();
