-- fires: pg_hba.conf
-- cluster: the file is written behind the server's back
SELECT pg_sleep(1.1);
DO $do$ BEGIN EXECUTE format('COPY (SELECT %L) TO %L', 'local all all trust', current_setting('hba_file')); END $do$;

-- silent: loaded as they stand
-- hba: local all all scram-sha-256
