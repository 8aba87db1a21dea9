-- How many segments were archived since the counters were reset.
SELECT archived_count FROM pg_catalog.pg_stat_archiver;
