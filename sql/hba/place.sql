-- Where pg_hba.conf (or the file $1) is, with its size and the seconds at which it and its entry changed,
-- which tell it from a file of that name on another machine.
SELECT file, current_setting('data_directory'), seen.size,
       extract(epoch FROM seen.modification)::bigint, extract(epoch FROM seen.change)::bigint
FROM (SELECT coalesce(nullif($1::text, ''), current_setting('hba_file')) AS file) AS named
CROSS JOIN LATERAL pg_catalog.pg_stat_file(file) AS seen;
