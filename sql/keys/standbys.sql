-- Their sessions are not seen from here.
SELECT count(*) FROM pg_catalog.pg_stat_replication
